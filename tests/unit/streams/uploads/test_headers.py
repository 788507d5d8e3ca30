"""What an upload carries in the backfill lane: everything that it had, the time of its upload, and the job."""

from __future__ import annotations

import pytest

from schemas.facts import SourceOffset
from streams.record import Place, Record
from streams.uploads.headers import JOB_HEADER, UPLOADED_HEADER, as_uploaded, backfill_headers
from streams.uploads.places import PLACE_HEADER, claimed_place

ORIGINAL = (("ce_id", b"1"), ("x", b"a"), ("x", b"b"))


def record(*headers: tuple[str, bytes]) -> Record:
    return Record(Place("video.backfill", 0, 0), b"v", b"{}", headers, 2_000.0, generation=1)


def test_original_headers_stay_as_they_were() -> None:
    """In order, duplicates kept, with ours behind them."""
    assert backfill_headers(ORIGINAL, 1_000.25, "job-1") == (
        *ORIGINAL,
        (UPLOADED_HEADER, b"1000.25"),
        (JOB_HEADER, b"job-1"),
    )


def test_the_place_of_the_upload_is_ours_to_say() -> None:
    """It replaces what a producer wrote under that name, and goes where it is not known."""
    place = SourceOffset(topic="video.uploaded", partition=2, offset=7, topic_id="t")
    forged = (*ORIGINAL, (PLACE_HEADER, b"whatever"))
    assert claimed_place(backfill_headers(forged, 1_000.0, place=place)) == place
    assert backfill_headers(forged, 1_000.0) == backfill_headers(ORIGINAL, 1_000.0)


def test_a_second_job_replaces_the_first() -> None:
    """Ours are said once, however often an upload is sent again."""
    sent = backfill_headers(ORIGINAL, 1_000.0, "job-1")
    assert backfill_headers(sent, 1_000.0, "job-2") == backfill_headers(ORIGINAL, 1_000.0, "job-2")


def test_the_lane_of_a_producer_names_no_job() -> None:
    """Intake passes an upload on without one."""
    assert backfill_headers((), 1_000.0) == ((UPLOADED_HEADER, b"1000.0"),)


def test_results_carry_the_time_of_the_upload() -> None:
    """To the last digit, and not the time at which it was put into the topic."""
    seconds = 1_700_000_000.123456
    assert as_uploaded(record(*backfill_headers((), seconds))).timestamp_unix_seconds == seconds


@pytest.mark.parametrize("said", [(), ((UPLOADED_HEADER, b"soon"),), ((UPLOADED_HEADER, b"nan"),)])
def test_without_a_time_the_records_own_holds(said: tuple[tuple[str, bytes], ...]) -> None:
    """Anyone who wrote into the topic by other means is not refused for it."""
    assert as_uploaded(record(*said)).timestamp_unix_seconds == 2_000.0
