"""Makes figures: rounded, so that saved results are stable, and `None` where nothing was measured."""

from __future__ import annotations

from typing import Final

from ops.evaluate.metrics.intervals import bootstrapped_f1, wilson
from ops.evaluate.result import Metric, MetricValue

_DIGITS: Final = 4


def share(
    metric: Metric, num_hits: int, num_trials: int, *, kind: str = "", threshold: float | None = None
) -> MetricValue:
    """Return a share with Wilson's interval; not measured without trials."""
    value = num_hits / num_trials if num_trials else None
    interval = wilson(num_hits, num_trials)
    return figure(metric, value, num_trials, interval, kind=kind, threshold=threshold)


def f1(
    true_positives: int, false_positives: int, false_negatives: int, *, kind: str = "", threshold: float | None = None
) -> MetricValue:
    """Return the harmonic mean of precision and recall; not measured without a positive."""
    num_positives = true_positives + false_negatives
    if num_positives == 0:
        return figure("F1", None, 0, None, kind=kind, threshold=threshold)
    value = 2 * true_positives / (2 * true_positives + false_positives + false_negatives)
    interval = bootstrapped_f1(true_positives, false_positives, false_negatives)
    return figure("F1", value, num_positives, interval, kind=kind, threshold=threshold)


def figure(
    metric: Metric,
    value: float | None,
    n: int,
    interval: tuple[float, float] | None,
    *,
    kind: str = "",
    threshold: float | None = None,
    unit: str = "",
) -> MetricValue:
    """Return a figure with rounded numbers."""
    low, high = interval or (None, None)
    return MetricValue(
        metric=metric,
        value=_rounded(value),
        n=n,
        low=_rounded(low),
        high=_rounded(high),
        kind=kind,
        threshold=threshold,
        unit=unit,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS) + 0.0  # no negative zero
