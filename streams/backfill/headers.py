"""What an upload carries on `video.backfill` beside its original bytes and headers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from schemas.facts import SourceOffset
from schemas.wire import Headers, header
from streams.delivery.record import Record
from streams.upload_places import PLACE_HEADER, with_place

JOB_HEADER: Final = "vidsignal-job"
"""Id of the job that sent the upload again; absent where its producer chose the lane."""
UPLOADED_HEADER: Final = "vidsignal-uploaded-unix-seconds"
"""The broker's timestamp of the upload on `video.uploaded`: a record's own says when it was put into this topic, which
is what its retention counts from."""


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
