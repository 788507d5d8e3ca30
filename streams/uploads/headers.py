"""Headers of an upload that are ours: those on `video.backfill`, and those that its facts carry on."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from schemas.codec import Headers, header
from schemas.facts import SourceOffset
from streams.record import Record
from streams.uploads.places import PLACE_HEADER, with_place

REDRIVE_HEADER: Final = "vidsignal-redrive"
"""How often the event was sent again. Beside it a redrive writes only the place of an upload."""
JOB_HEADER: Final = "vidsignal-job"
"""Id of the job that sent the upload again; absent where its producer chose the lane."""
UPLOADED_HEADER: Final = "vidsignal-uploaded-unix-seconds"
"""The broker's timestamp of the upload on `video.uploaded`: a record's own says when it was put into this topic, which
is what its retention counts from."""
_LONGEST_PASSED_ON_BYTES: Final = 256
"""Of one header; with what a sender may write there a fact could be more than its topic takes."""


def backfill_headers(
    headers: Headers, uploaded_unix_seconds: float, job_id: str | None = None, *, place: SourceOffset | None = None
) -> Headers:
    """The original headers in order, then the upload's place where it has one, its time, and the job.

    Whatever the original headers say of these is left out.
    """
    kept = tuple(item for item in headers if item[0] not in (PLACE_HEADER, JOB_HEADER, UPLOADED_HEADER))
    placed = kept if place is None else with_place(kept, place)
    job = () if job_id is None else ((JOB_HEADER, job_id.encode()),)
    return (*placed, (UPLOADED_HEADER, repr(uploaded_unix_seconds).encode()), *job)


def as_uploaded(record: Record) -> Record:
    """The record with the time at which its upload was first published, where it says one."""
    said = header(record.headers, UPLOADED_HEADER)
    try:
        seconds = float(said) if said is not None else math.nan
    except ValueError:
        return record
    return replace(record, timestamp_unix_seconds=seconds) if math.isfinite(seconds) else record


def passed_on(record: Record) -> Headers:
    """Headers that every fact of an upload carries on; none that we would not write."""
    found = ((name, header(record.headers, name)) for name in (REDRIVE_HEADER, JOB_HEADER))
    return tuple((name, value) for name, value in found if value is not None and len(value) <= _LONGEST_PASSED_ON_BYTES)
