"""Decodes an event of `video.uploaded` or `video.backfill`."""

from __future__ import annotations

from operators.internal_errors import boundary
from schemas.codec import decode_upload_or_deletion
from schemas.diagnosis import wrong_key
from schemas.errors import InvalidEvent
from schemas.uploads import DeletionRequested, VideoUploaded
from streams.record import Record


def read_upload(record: Record) -> VideoUploaded | DeletionRequested:
    """Return the event in a record of `video.uploaded` about the video that its key names. Raises InvalidEvent."""
    with boundary("record"):
        event = decode_upload_or_deletion(record.value)
        require_own_key(record, event)
    return event


def require_own_key(record: Record, upload: VideoUploaded | DeletionRequested) -> None:
    """Raise InvalidEvent if the key is not the video's id: its facts would be in different partitions."""
    if message := wrong_key(record.key, upload.video_id):
        raise InvalidEvent("event-invalid", message)
