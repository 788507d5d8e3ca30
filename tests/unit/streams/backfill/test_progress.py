"""How far a job is: by what the group has committed, between its own first and last record."""

from __future__ import annotations

from typing import Any

import pytest

from streams.backfill.jobs import Job, JobFilter
from streams.backfill.progress import JobProgress, progress_of


def job(**fields: Any) -> Job:
    values = {"is_sent": True, "num_sent": 8, "first_offsets": {0: 10, 3: 0}, "end_offsets": {0: 16, 3: 4}, **fields}
    return Job(job_id="j", created_unix_seconds=100.0, filter=JobFilter(since_unix_seconds=0.0), **values)


def look(committed: dict[int, int], *, is_paused: bool = False, now: float = 110.0, **fields: Any) -> JobProgress:
    return progress_of(job(**fields), committed, is_paused=is_paused, now_unix_seconds=now)


def test_counts_between_its_own_records_only() -> None:
    """What was committed before its first or behind its last record is not its doing."""
    assert [look(committed).num_done for committed in ({}, {0: 4, 3: 9}, {0: 13, 3: 1}, {0: 99, 3: 99})] == [
        0,
        4,
        4,
        10,
    ]


@pytest.mark.parametrize(
    ("committed", "fields", "state"),
    [
        ({0: 12}, {"is_sent": False}, "sending"),
        ({0: 12}, {}, "running"),
        ({0: 12}, {"is_paused": True}, "paused"),
        ({0: 16, 3: 4}, {"is_paused": True}, "done"),
        ({}, {"first_offsets": {}, "end_offsets": {}, "num_sent": 0}, "done"),
    ],
)
def test_states(committed: dict[int, int], fields: dict[str, Any], state: str) -> None:
    """A job is done when everything up to its last record is; a pause does not undo that."""
    assert look(committed, **fields).state == state


def test_rate_and_time_left() -> None:
    """Four of ten in ten seconds: fifteen more."""
    progress = look({0: 12, 3: 2})
    assert (progress.records_per_second, progress.eta_seconds, progress.done_ratio) == (0.4, pytest.approx(15.0), 0.4)


def test_nothing_is_foretold_of_a_lane_that_stands() -> None:
    """Before the first record, and while it is paused."""
    assert look({}).eta_seconds is None
    assert look({0: 12}, is_paused=True).eta_seconds is None


def test_an_empty_job_is_done() -> None:
    """Nothing to do is done wholly."""
    assert look({}, first_offsets={}, end_offsets={}).done_ratio == 1.0
