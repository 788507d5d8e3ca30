"""The fact that an upload is accepted."""

from __future__ import annotations

from typing import Final

from schemas.facts import Accepted, SourceOffset
from schemas.identity import Modality
from schemas.uploads import VideoUploaded
from schemas.warnings import EventWarning
from streams.record import Record
from streams.uploads.event_warnings import content_of

_TITLE_CHARACTERS: Final = 200


def acceptance(
    record: Record,
    upload: VideoUploaded,
    expected: tuple[Modality, ...],
    deadline_unix_seconds: float,
    place: SourceOffset,
    warnings: tuple[EventWarning, ...] = (),
) -> Accepted:
    """Return the fact that a revision waits for a verdict; the record's timestamp is the time of its upload."""
    return Accepted(
        video_id=upload.video_id,
        revision=upload.revision,
        expected=expected,
        lane=upload.lane,
        market=upload.market,
        creator_id=upload.creator_id,
        title=upload.title[:_TITLE_CHARACTERS],
        uploaded_unix_seconds=record.timestamp_unix_seconds,
        deadline_unix_seconds=deadline_unix_seconds,
        source=place,
        content=content_of(upload),
        warnings=warnings,
    )
