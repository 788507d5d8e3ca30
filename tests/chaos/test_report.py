"""The report: when a run is good, and how long verdicts stayed away."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.chaos.judge.evidence import MODERATION, UPLOADED, Record
from tests.chaos.judge.judge import Evaluation
from tests.chaos.judge.recovery import recoveries, spread
from tests.chaos.judge.violations import Violation
from tests.chaos.report import Report
from tests.chaos.world.fleet import Exit

LOOKED_AT = {
    "videos": 2,
    "live": 1,
    "engagement_events": 3,
    "engagement_distinct": 2,
    "reviews": 1,
    "poison": 1,
    "redone": {"signals_again_ratio": 0.5, "accepted_again_ratio": 0.0},
}


def report_of(
    before: str | None, after: str | None, *, has_converged: bool = True, skipped: Sequence[str] = ("kill-worker",)
) -> Report:
    """A report with at most one violation before and after the audit."""
    judgements = [
        Evaluation(tuple(Violation(kind, "video-1") for kind in (found,) if kind is not None), LOOKED_AT)
        for found in (before, after)
    ]
    times = recoveries({MODERATION: [final("a", 0, 12.0)], UPLOADED: [upload("a", 9.0)]}, [("kill-worker", 10.0)])
    return Report(
        seed=1,
        media="stand-in",
        num_planned=2,
        faults={"kill-worker": 1},
        skipped=[{"kind": kind, "why": "no worker was ready"} for kind in skipped],
        left_out=[{"kind": "older-worker", "why": "no clone"}],
        has_converged=has_converged,
        before_audit=judgements[0],
        after_audit=judgements[1],
        recovery_seconds=spread(times),
        exits=[Exit("worker-001", 70, "the store went back")],
    )


def final(video_id: str, partition: int, at: float) -> Record:
    """A final verdict of the first revision."""
    value = {"video_id": video_id, "status": "final", "version": {"revision": 1, "generation": 0, "offset": 1}}
    return Record(partition, 1, at, video_id.encode(), json.dumps(value).encode())


def upload(video_id: str, at: float) -> Record:
    """The upload of it."""
    return Record(0, 1, at, video_id.encode(), json.dumps({"video_id": video_id}).encode())


class TestReport:
    @pytest.mark.parametrize(("before", "after"), [(None, None), ("vector-differs", None)])
    def test_is_good(self, before: str | None, after: str | None) -> None:
        """With nothing wrong, and with something stale that the audit mended."""
        assert report_of(before, after).failures == []

    @pytest.mark.parametrize(
        ("before", "after"),
        [("no-outcome", "no-outcome"), ("no-outcome", None), ("behind", None), (None, "vector-differs")],
    )
    def test_is_bad(self, before: str | None, after: str | None) -> None:
        """With anything else before the audit, with anything after it."""
        assert report_of(before, after).failures != []

    def test_is_bad_where_it_never_came_to_rest(self) -> None:
        """Even where nothing is wrong."""
        assert report_of(None, None, has_converged=False).failures == ["it did not converge"]

    def test_is_bad_where_a_kind_of_fault_never_struck(self) -> None:
        """What could not strike even once shows nothing."""
        assert report_of(None, None, skipped=["jump-clock", "jump-clock"]).failures == ["no jump-clock could strike"]

    def test_says_it_all(self) -> None:
        """Faults, violations, times, exits and what was not done stand in the table, and in the JSON."""
        report = report_of("no-outcome", "no-outcome")
        text, content = report.to_text(), json.loads(report.to_json())
        for words in ("1 of 2 faults", "no-outcome", "kill-worker", "exit code 70: 1", "older-worker", "video-1"):
            assert words in text
        assert content["before_audit"]["by_kind"] == {"no-outcome": 1}
        assert content["exits"][0]["code"] == 70


class TestRecovery:
    def test_first_verdict_and_slowest_partition(self) -> None:
        """The first final verdict counts, and of each partition with work its first; what comes later is no part."""
        records = {
            UPLOADED: [upload("before", 1.0), upload("a", 9.0), upload("b", 9.5), upload("late", 60.0)],
            MODERATION: [final("before", 0, 5.0), final("a", 0, 12.0), final("b", 1, 31.0), final("late", 2, 99.0)],
        }
        (found,) = recoveries(records, [("kill-broker", 10.0)])
        assert (found.first_verdict_seconds, found.slowest_partition_seconds) == (2.0, 21.0)

    def test_no_verdict_at_all(self) -> None:
        """Reports that, instead of a time."""
        times = spread(recoveries({UPLOADED: [], MODERATION: []}, [("stop-redis", 10.0)]))
        assert times["stop-redis"]["first_verdict_p50"] is None
