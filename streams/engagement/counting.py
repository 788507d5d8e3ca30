"""Counting: adds a batch of events to a video's record. Pure.

Decayed counts are forward-decayed sums (Cormode et al., Forward Decay, ICDE 2009): an event of time t weighs
exp(-(as_of - t) / window). So a late event has the same weight as in time, and the order of events matters only within
floating-point rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp

from schemas.engagement import ENGAGEMENT_WINDOWS, Engagement, EngagementEvent, EngagementKind, EngagementWindow
from streams.engagement.rates import rates_of

_WATCHED: frozenset[EngagementKind] = frozenset({"view", "completion"})

Windows = dict[EngagementWindow, dict[EngagementKind, float]]


def add_events(known: Engagement | None, events: list[EngagementEvent]) -> Engagement:
    """Add events that were not counted before.

    Args:
        known: the video's record; None without one.
        events: of that video, at least one, in any order.
    """
    newest = max(event.event_unix_seconds for event in events)
    before = known or Engagement(as_of_unix_seconds=newest)
    as_of = max(newest, before.as_of_unix_seconds)
    counts = _with_counts(before.counts, events)
    return Engagement(
        counts=counts,
        watch_seconds=before.watch_seconds + sum(_watched_seconds(event) for event in events),
        windows=_with_windows(before, events, as_of),
        rates=rates_of(counts),
        as_of_unix_seconds=as_of,
    )


def _with_counts(known: dict[EngagementKind, int], events: Iterable[EngagementEvent]) -> dict[EngagementKind, int]:
    counts = dict(known)
    for event in events:
        counts[event.kind] = counts.get(event.kind, 0) + 1
    return counts


def _with_windows(before: Engagement, events: list[EngagementEvent], as_of: float) -> Windows:
    aged_seconds = as_of - before.as_of_unix_seconds
    windows: Windows = {}
    for name, window_seconds in ENGAGEMENT_WINDOWS.items():
        aged = exp(-aged_seconds / window_seconds)
        sums = {kind: value * aged for kind, value in before.windows.get(name, {}).items()}
        for event in events:
            weight = exp((event.event_unix_seconds - as_of) / window_seconds)
            sums[event.kind] = sums.get(event.kind, 0.0) + weight
        windows[name] = sums
    return windows


def _watched_seconds(event: EngagementEvent) -> float:
    return event.watch_seconds or 0.0 if event.kind in _WATCHED else 0.0
