"""Metrics of times: what was found within the tolerance, and how far off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ops.evaluate.judgements import Timed, TrueSpan
from ops.evaluate.metrics.figures import f1, figure, share
from ops.evaluate.metrics.intervals import Numbers, bootstrapped
from ops.evaluate.result import Metric, MetricValue

_SLACK_SECONDS: Final = 1e-9
"""For times that differ by the tolerance and a rounding error."""


@dataclass(frozen=True, slots=True)
class Matched:
    """One item's true spans and found times, matched one to one."""

    pairs: tuple[tuple[TrueSpan, float], ...]
    missed: tuple[TrueSpan, ...]
    num_false: int


def matched(found: Timed, tolerance_seconds: float) -> Matched:
    """Match true spans to found times in their order, one to one: as many as possible, and of those the nearest."""
    spans = sorted(found.truth, key=lambda span: (span.start_seconds, span.end_seconds))
    times = sorted(found.said_seconds)
    pairs = [(spans[place], times[other]) for place, other in _best(spans, times, tolerance_seconds)]
    hit = [span for span, _ in pairs]
    missed = list(spans)
    for span in hit:
        missed.remove(span)
    return Matched(tuple(pairs), tuple(missed), len(times) - len(pairs))


def _best(spans: Sequence[TrueSpan], times: Sequence[float], tolerance_seconds: float) -> list[tuple[int, int]]:
    """Return places of matched spans and times, by dynamic programming over both from their ends."""
    best: list[list[tuple[int, float]]] = [[(0, 0.0)] * (len(times) + 1) for _ in range(len(spans) + 1)]
    for place in reversed(range(len(spans))):
        for other in reversed(range(len(times))):
            without = max(best[place + 1][other], best[place][other + 1])
            best[place][other] = max(without, _joined(best, place, other, spans, times, tolerance_seconds))
    return _walked(best, spans, times, tolerance_seconds)


def _joined(
    best: Sequence[Sequence[tuple[int, float]]],
    place: int,
    other: int,
    spans: Sequence[TrueSpan],
    times: Sequence[float],
    tolerance_seconds: float,
) -> tuple[int, float]:
    """Return number of hits and negative distance if these two are matched; less than any other if they can't be."""
    distance = _distance(spans[place], times[other])
    if distance > tolerance_seconds + _SLACK_SECONDS:
        return -1, 0.0
    num_hits, nearness = best[place + 1][other + 1]
    return num_hits + 1, nearness - distance


def _walked(
    best: Sequence[Sequence[tuple[int, float]]],
    spans: Sequence[TrueSpan],
    times: Sequence[float],
    tolerance_seconds: float,
) -> list[tuple[int, int]]:
    place = other = 0
    pairs: list[tuple[int, int]] = []
    while place < len(spans) and other < len(times):
        here = best[place][other]
        if here == _joined(best, place, other, spans, times, tolerance_seconds):
            pairs.append((place, other))
            place, other = place + 1, other + 1
        elif here == best[place + 1][other]:
            place += 1
        else:
            other += 1
    return pairs


def _distance(span: TrueSpan, time: float) -> float:
    return max(span.start_seconds - time, time - span.end_seconds, 0.0)


def time_figures(found: Sequence[Timed], tolerance_seconds: float) -> list[MetricValue]:
    """Return the figures of one method in one subject."""
    items = [matched(each, tolerance_seconds) for each in found]
    num_hits = sum(len(item.pairs) for item in items)
    num_false, num_missed = sum(item.num_false for item in items), sum(len(item.missed) for item in items)
    return [
        share("precision", num_hits, num_hits + num_false if num_hits + num_missed else 0),
        share("recall", num_hits, num_hits + num_missed),
        f1(num_hits, num_false, num_missed),
        *_recall_by_kind(items),
        *_errors(items, found),
    ]


def _recall_by_kind(items: Sequence[Matched]) -> list[MetricValue]:
    hits = [span.kind for item in items for span, _ in item.pairs]
    missed = [span.kind for item in items for span in item.missed]
    kinds = sorted({*hits, *missed} - {""})
    return [share("recall", hits.count(kind), hits.count(kind) + missed.count(kind), kind=kind) for kind in kinds]


def _errors(items: Sequence[Matched], found: Sequence[Timed]) -> list[MetricValue]:
    """Return errors of the times of spans without length: in frames if all items say how long a frame is."""
    in_frames = all(each.frame_seconds > 0 for each in found)
    errors = np.array(
        [
            (time - span.start_seconds) / (each.frame_seconds if in_frames else 1.0)
            for item, each in zip(items, found, strict=True)
            for span, time in item.pairs
            if span.end_seconds == span.start_seconds
        ]
    )
    unit = "frames" if in_frames else "s"
    return [
        _quantile("median time error", np.abs(errors), 0.5, unit),
        _quantile("95th percentile of time error", np.abs(errors), 0.95, unit),
        _mean("time bias", errors, unit),
    ]


def _quantile(metric: Metric, values: Numbers, at: float, unit: str) -> MetricValue:
    if len(values) == 0:
        return figure(metric, None, 0, None, unit=unit)
    interval = bootstrapped(len(values), lambda drawn: float(np.quantile(values[drawn], at)))
    return figure(metric, float(np.quantile(values, at)), len(values), interval, unit=unit)


def _mean(metric: Metric, values: Numbers, unit: str) -> MetricValue:
    if len(values) == 0:
        return figure(metric, None, 0, None, unit=unit)
    interval = bootstrapped(len(values), lambda drawn: float(values[drawn].mean()))
    return figure(metric, float(values.mean()), len(values), interval, unit=unit)
