"""The few figures of a result that documents quote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ops.evaluate.judgements import PRODUCT
from ops.evaluate.report import NOT_MEASURED
from ops.evaluate.result import Metric, MetricValue, SetResult, SubjectResult

QUOTED: Final[tuple[Metric, ...]] = (
    "precision",
    "recall",
    "F1",
    "false alarms",
    "AUC",
    "right",
    "wrong",
    "abstains",
    "right when said",
    "mean absolute error",
    "bias",
    "median time error",
    "word error rate",
)


def of_method(subject: SubjectResult, method: str = PRODUCT) -> tuple[MetricValue, ...]:
    """Return the figures of a method; empty if it was not measured."""
    return next((each.figures for each in subject.methods if each.method == method), ())


def at_threshold(figures: Sequence[MetricValue], threshold: float | None) -> dict[Metric, MetricValue]:
    """Return the figures of all items by metric: those without a threshold, and those of this one."""
    return {each.metric: each for each in figures if not each.kind and each.threshold in (None, threshold)}


def lowest_threshold(figures: Sequence[MetricValue]) -> float | None:
    """Return the lowest threshold that is reported; None if there is none."""
    return min((each.threshold for each in figures if each.threshold is not None), default=None)


def headline(subject: SubjectResult, method: str = PRODUCT) -> list[MetricValue]:
    """Return the quoted figures of a method: those that were measured, of all items, at the lowest threshold."""
    figures = of_method(subject, method)
    found = at_threshold(figures, lowest_threshold(figures))
    return [found[metric] for metric in QUOTED if metric in found and found[metric].value is not None]


def short_value(figure: MetricValue | None) -> str:
    """Return value and interval with two or three digits."""
    if figure is None or figure.value is None:
        return NOT_MEASURED
    unit = f" {figure.unit}" if figure.unit else ""
    has_interval = figure.low is not None and figure.high is not None
    interval = f" [{_number(figure.low)} {_number(figure.high)}]" if has_interval else ""
    return f"{_number(figure.value)}{interval}{unit}"


def _number(value: float | None) -> str:
    """Return two digits behind the point, three for what is small or nearly 1, and of large numbers one."""
    if value is None:
        return NOT_MEASURED
    if abs(value) >= 10:
        return f"{value:.1f}"
    distance = min(abs(value), abs(1 - value))
    return f"{value:.3f}" if 0 < distance < 0.05 else f"{value:.2f}"


def set_words(result: SetResult) -> str:
    """Return which run it was."""
    return f"{result.set} {result.version}, {result.size}"


def counts_words(subject: SubjectResult) -> str:
    """Return how many items there were, positives and negatives apart where the truth is a yes or no."""
    if subject.num_positives is None:
        return f"{subject.num_items:,} items"
    return f"{subject.num_positives:,} of it, {subject.num_negatives:,} not"
