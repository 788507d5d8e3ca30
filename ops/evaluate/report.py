"""A result for people: rows of a table, and sentences about thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ops.evaluate.result import MethodResult, MetricValue, SetResult, SubjectResult, ThresholdAdvice
from schemas.counted import counted

COLUMNS: Final = ("subject", "method", "metric", "value", "95 % interval", "n")
NOT_MEASURED: Final = "not measured"
_MOST_LEFT_OUT: Final = 10


def rows(result: SetResult) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield one row a figure, in the columns of `COLUMNS`; a subject without judgements has one row."""
    for subject in result.subjects:
        if not subject.methods:
            yield subject.subject, "", "", NOT_MEASURED, "", "0"
        for method in subject.methods:
            for figure in method.figures:
                yield subject.subject, method.method, metric_words(figure), *figure_cells(figure)


def metric_words(figure: MetricValue) -> str:
    """Return the metric with its threshold and its kind."""
    at = "" if figure.threshold is None else f" at {figure.threshold:g}"
    return f"{figure.metric}{at}{f', {figure.kind}' if figure.kind else ''}"


def figure_cells(figure: MetricValue) -> tuple[str, str, str]:
    """Return value, interval and n."""
    if figure.value is None:
        return NOT_MEASURED, "", f"{figure.n:,}"
    unit = f" {figure.unit}" if figure.unit else ""
    return f"{figure.value:.3f}{unit}", interval_words(figure), f"{figure.n:,}"


def interval_words(figure: MetricValue) -> str:
    """Return the interval in brackets; empty without one."""
    return "" if figure.low is None or figure.high is None else f"[{figure.low:.3f} {figure.high:.3f}]"


def told_value(figure: MetricValue) -> str:
    """Return value, interval and n in words."""
    value, interval, n = figure_cells(figure)
    return value if figure.value is None else " ".join(filter(None, (value, interval, f"(n = {n})")))


def advice_lines(result: SetResult) -> Iterator[str]:
    """Yield a sentence for each threshold that was looked for."""
    for subject in result.subjects:
        for method in subject.methods:
            yield from (_advice_line(subject, method, advice) for advice in method.advice)


def _advice_line(subject: SubjectResult, method: MethodResult, advice: ThresholdAdvice) -> str:
    start = f"{subject.subject}, {method.method}: {advice.wanted} {advice.target:g}"
    if advice.wanted == "precision" and not subject.num_positives:
        return f"{start} is {NOT_MEASURED}: nothing in the set shows it"
    if advice.threshold is None:
        return f"{start} is reached by no threshold"
    parts = [f"precision {told_value(advice.precision)}", f"recall {told_value(advice.recall)}"]
    return f"{start} from {advice.threshold:g} on: {', '.join(parts)}, {_percent(advice.load)} of the items"


def left_out_lines(result: SetResult) -> Iterator[str]:
    """Yield how many items could not be judged, and the first of them with their reasons."""
    if result.left_out:
        yield f"{counted(len(result.left_out), 'item')} left out, such as:"
    for item, reason in list(result.left_out.items())[:_MOST_LEFT_OUT]:
        yield f"  {item}: {reason}"


def cost_lines(result: SetResult) -> Iterator[str]:
    """Yield a line for each method's CPU time."""
    for cost in result.costs:
        per_item = cost.cpu_seconds / cost.num_items if cost.num_items else 0.0
        of_media = f", {cost.cpu_seconds / cost.media_seconds:.4f} a second of media" if cost.media_seconds else ""
        yield f"{cost.method}: {cost.cpu_seconds:.1f} CPU seconds, {per_item:.4f} an item{of_media}"


def _percent(share: float | None) -> str:
    return NOT_MEASURED if share is None else f"{100 * share:.1f} %"
