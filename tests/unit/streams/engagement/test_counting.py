"""Counting is order-independent, decays by event time, and few events make no hit."""

from __future__ import annotations

import random
from math import exp

import pytest

from schemas.engagement import EngagementEvent, EngagementKind
from streams.engagement.counting import add_events
from streams.engagement.rates import RATES, rates_of
from streams.engagement.summary_schedule import REPORT_STEPS, SOON_SECONDS, due_after_seconds

T0 = 1_700_000_000.0


def event(number: int, kind: EngagementKind = "view", at: float = T0, watched: float | None = None) -> EngagementEvent:
    return EngagementEvent(event_id=f"e{number}", video_id="v", kind=kind, event_unix_seconds=at, watch_seconds=watched)


def test_order_and_batches_do_not_matter() -> None:
    """Any order, split into any batches, ends in the same counts and the same decayed counts."""
    chance = random.Random(3)
    kinds: list[EngagementKind] = ["view", "like", "report", "skip"]
    events = [event(n, chance.choice(kinds), T0 - chance.uniform(0, 200_000), 1.5) for n in range(200)]
    whole = add_events(None, events)
    chance.shuffle(events)
    known = None
    for start in range(0, 200, 7):
        known = add_events(known, events[start : start + 7])
    assert known is not None
    assert known.counts == whole.counts
    assert known.as_of_unix_seconds == whole.as_of_unix_seconds
    assert known.watch_seconds == pytest.approx(whole.watch_seconds)
    for name, sums in whole.windows.items():
        assert known.windows[name] == pytest.approx(sums, rel=1e-9)


def test_late_event_weighs_what_it_is_worth_now() -> None:
    """An hour late, an event weighs 1/e in the window of an hour, and as_of stays."""
    known = add_events(add_events(None, [event(1)]), [event(2, at=T0 - 3_600)])
    assert known.as_of_unix_seconds == T0
    assert known.windows["1h"]["view"] == pytest.approx(1 + exp(-1))
    assert known.counts["view"] == 2


def test_watch_time_is_of_views_and_completions_alone() -> None:
    """Whatever a like says about watching is not added up."""
    events = [event(1, watched=4.0), event(2, "completion", watched=3.0), event(3, "like", watched=99.0)]
    assert add_events(None, events).watch_seconds == 7.0
    assert add_events(None, [event(4), event(5, "completion")]).watch_seconds == 0.0


def test_three_views_are_no_hit() -> None:
    """Three views with three likes rank below a hundred views with thirty."""
    assert rates_of({"view": 3, "like": 3})["like_rate"] < 0.1
    assert rates_of({"view": 3, "like": 3})["like_rate"] < rates_of({"view": 100, "like": 30})["like_rate"]


@pytest.mark.parametrize("name", RATES)
def test_rates_are_shares(name: str) -> None:
    """Each is the prior's mean without events, and never above 1 even with more of the one than of the other."""
    rate = RATES[name]
    assert rate.value({}) == pytest.approx(rate.prior_mean)
    assert rate.value({rate.of: 10**9, rate.among: 1}) <= 1.0


def test_reports_are_told_soon_once_a_step() -> None:
    """Passing a step of reports hurries; further reports below the next step do not."""
    first = add_events(None, [event(1, "report")])
    second = add_events(first, [event(2, "report")])
    third = add_events(second, [event(3, "report")])
    assert due_after_seconds(None, first, 60.0) == SOON_SECONDS
    assert due_after_seconds(first, second, 60.0) == 60.0
    assert due_after_seconds(second, third, 60.0) == SOON_SECONDS
    assert due_after_seconds(None, add_events(None, [event(1)]), 60.0) == 60.0
    assert due_after_seconds(None, first, 2.0) == 2.0
    assert list(REPORT_STEPS) == sorted(set(REPORT_STEPS))
