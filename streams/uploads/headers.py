"""Our own headers of an upload: those on `video.backfill`, and those that its facts carry."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from schemas.codec import Headers, header
from schemas.facts import SourceOffset
from streams.record import Record
from streams.uploads.places import PLACE_HEADER, with_place

REDRIVE_HEADER: Final = "vidsignal-redrive"
"""How often the event was sent again. In addition, a redrive writes only the log position of an upload."""
JOB_HEADER: Final = "vidsignal-job"
"""Id of the job that sent the upload again; absent if it comes from `video.uploaded`."""
UPLOADED_HEADER: Final = "vidsignal-uploaded-unix-seconds"
"""The broker's timestamp of the upload on `video.uploaded`; a record's own timestamp is when it was published to this
topic, from which its retention counts."""
SHARE_HEADER: Final = "vidsignal-beyond-creator-share"
"""Marks a live upload that the media role left to the backfill role, because of its creator's many uploads."""
_LONGEST_PASSED_ON_BYTES: Final = 256
"""Maximum size of one header; a longer one, which a sender may write, could make a fact exceed its topic's limit."""

_OWN: Final = frozenset({PLACE_HEADER, JOB_HEADER, UPLOADED_HEADER, SHARE_HEADER})
"""Headers of `video.backfill`, which no sender may forge."""


def backfill_headers(
    headers: Headers, uploaded_unix_seconds: float, job_id: str | None = None, *, place: SourceOffset | None = None
) -> Headers:
    """Return the original headers in order, then the upload's log position if it has one, its time, and the job.

    Headers of these names in the original are left out.
    """
    kept = tuple(item for item in headers if item[0] not in _OWN)
    placed = kept if place is None else with_place(kept, place)
    job = () if job_id is None else ((JOB_HEADER, job_id.encode()),)
    return (*placed, (UPLOADED_HEADER, repr(uploaded_unix_seconds).encode()), *job)


def as_uploaded(record: Record) -> Record:
    """Return the record with the time at which its upload was first published, if a header states it."""
    said = header(record.headers, UPLOADED_HEADER)
    try:
        seconds = float(said) if said is not None else math.nan
    except ValueError:
        return record
    return replace(record, timestamp_unix_seconds=seconds) if math.isfinite(seconds) else record


def passed_on(record: Record) -> Headers:
    """Return the headers that every fact of an upload carries; only those that this product writes itself."""
    found = ((name, header(record.headers, name)) for name in (REDRIVE_HEADER, JOB_HEADER))
    return tuple((name, value) for name, value in found if value is not None and len(value) <= _LONGEST_PASSED_ON_BYTES)
