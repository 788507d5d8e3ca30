"""The upload events of the sample clips."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ops.assets.sample_registry import SAMPLE_CLIPS
from ops.assets.samples import sample_path
from ops.source_argument import make_upload
from schemas.uploads import VideoUploaded

CREATOR: Final = "demo"


def sample_uploads(cache_dir: Path) -> list[VideoUploaded]:
    """Return the upload events of sample clips that have a text."""
    return [
        make_upload(
            str(sample_path(clip, cache_dir)),
            {
                "title": clip.upload.title,
                "description": clip.upload.description,
                "hashtags": list(clip.upload.hashtags),
                "creator_id": CREATOR,
            },
        )
        for clip in SAMPLE_CLIPS
        if clip.upload is not None
    ]
