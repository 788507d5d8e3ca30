"""What `bench load` makes of the times of a step: latencies, rates, and whether the machine was saturated."""

from __future__ import annotations

from math import inf

import pytest

from ops.bench.load.step import ServedStep, backlog_growth_hz, is_saturated

WINDOW_SECONDS = 60.0


def served(due: list[float], answered: list[float | None]) -> ServedStep:
    """The upload of each place, due and answered at these times."""
    return ServedStep(
        WINDOW_SECONDS,
        {str(place): at for place, at in enumerate(due)},
        {str(place): at for place, at in enumerate(answered) if at is not None},
    )


def one_server(due: list[float], service_seconds: float) -> ServedStep:
    """What one worker makes of the arrivals, that takes the same time for each."""
    ends: list[float | None] = []
    free_seconds = 0.0
    for at in due:
        free_seconds = max(free_seconds, at) + service_seconds
        ends.append(free_seconds)
    return served(due, ends)


EVERY_SECOND = [float(at) for at in range(60)]


class TestServed:
    def test_latencies_count_from_the_schedule(self) -> None:
        """A stall of ten seconds is felt by all uploads that were due in it, although few were being served."""
        stalled = served(EVERY_SECOND, [max(at + 0.5, 10.0) for at in EVERY_SECOND])
        assert stalled.latencies_seconds()[-10:] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]

    def test_no_verdict_is_the_longest_wait(self) -> None:
        """What was not answered is not left out of the percentiles."""
        half = served([0.0, 1.0], [0.5, None])
        assert half.latencies_seconds() == [0.5, inf]
        assert half.latencies_seconds(["0"]) == [0.5]

    def test_only_verdicts_within_the_schedule_are_throughput(self) -> None:
        """What is answered while the backlog is worked off says nothing about the rate of the step."""
        late = served([0.0, 30.0, 59.0], [1.0, 31.0, 61.0])
        assert (late.num_answered, late.answered_hz, late.offered_hz) == (2, 2 / 60, 3 / 60)
        assert late.backlog(WINDOW_SECONDS) == 1


class TestIsSaturated:
    @pytest.mark.parametrize("service_seconds", [0.1, 0.8, 1.0])
    def test_a_worker_that_keeps_up(self, service_seconds: float) -> None:
        """Up to exactly its capacity."""
        assert not is_saturated(one_server(EVERY_SECOND, service_seconds))

    @pytest.mark.parametrize("service_seconds", [1.25, 2.0, 10.0])
    def test_a_worker_that_does_not(self, service_seconds: float) -> None:
        """A fifth too much shows."""
        assert is_saturated(one_server(EVERY_SECOND, service_seconds))

    def test_one_that_answers_nothing(self) -> None:
        """A worker that hangs is saturated by any load."""
        assert is_saturated(served(EVERY_SECOND, [None] * 60))

    def test_a_long_latency_alone_is_not_too_much_load(self) -> None:
        """Verdicts that all come fifteen seconds later keep up, once the first have come."""
        assert not is_saturated(served(EVERY_SECOND, [at + 15.0 for at in EVERY_SECOND]))

    def test_a_burst_at_the_end_alone_is_not_too_much_load(self) -> None:
        """Verdicts fall short of the schedule, but there was no time for them."""
        due = [*EVERY_SECOND, *[59.0 + place / 100 for place in range(20)]]
        assert not is_saturated(one_server(due, 0.5))

    def test_a_burst_that_is_worked_off(self) -> None:
        """A backlog that grows and shrinks again."""
        due = sorted([*EVERY_SECOND, *[30.0] * 10])
        assert not is_saturated(one_server(due, 0.5))

    def test_growth_of_the_backlog(self) -> None:
        """Two of three uploads stay unanswered."""
        slow = one_server(EVERY_SECOND, 3.0)
        assert backlog_growth_hz(slow, 20.0) == pytest.approx(2 / 3, rel=0.05)
