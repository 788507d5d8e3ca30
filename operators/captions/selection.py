"""Which videos get a caption: a share by a hash of the id, of all videos or of those without words of their own."""

from __future__ import annotations

from typing import Final, Literal

from operators.context.text import clean_text
from operators.drawn_videos import is_drawn
from schemas.uploads import VideoUploaded

CaptionedVideos = Literal["all", "untitled"]
"""`untitled`: those whose title and description have fewer than three words, which a search cannot find."""
_FEWEST_WORDS: Final = 3


def is_chosen(upload: VideoUploaded, ratio: float, videos: CaptionedVideos) -> bool:
    """Return whether a video gets a caption; every analysis of it says the same, and a larger share contains a smaller
    one."""
    return is_drawn("captions", upload.video_id, ratio) and (videos == "all" or _is_untitled(upload))


def _is_untitled(upload: VideoUploaded) -> bool:
    return len(f"{clean_text(upload.title)} {clean_text(upload.description)}".split()) < _FEWEST_WORDS
