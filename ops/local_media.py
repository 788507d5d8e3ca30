"""Media of events that this machine's commands made themselves."""

from __future__ import annotations

from pathlib import Path

from schemas.uploads import FileSource, VideoUploaded


def path_of(upload: VideoUploaded) -> Path:
    """The file of an upload. Raises ValueError where its media is no file."""
    if not isinstance(upload.source, FileSource):
        raise ValueError(f"{upload.video_id}: the media is no file but {upload.source.url!r}")
    return Path(upload.source.path)
