"""Plots of a result: one file a subject. Needs matplotlib."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ops.evaluate.report import metric_words
from ops.evaluate.result import MethodResult, MetricValue, SetResult, SubjectResult
from ops.plots import new_canvas, save_canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHARES: Final = frozenset(
    {"precision", "recall", "F1", "false alarms", "AUC", "average precision", "right", "wrong", "abstains"}
)
_COLOURS: Final = ("#117733", "#cc6677", "#332288", "#ddcc77", "#88ccee")
"""After Paul Tol's muted scheme, which is distinguishable with any colour vision; one a method."""
_MOST_ROWS: Final = 40


def plot_result(result: SetResult, folder: Path) -> list[Path]:
    """Write one plot for each measured subject, and return their paths.

    Raises:
        NoPlots: matplotlib is not installed.
        OSError: a file cannot be written.
    """
    paths = []
    for subject in result.subjects:
        if subject.methods:
            path = folder / f"{result.set}-{result.size}-{_file_word(subject.subject)}.png"
            _plot(result, subject, path)
            paths.append(path)
    return paths


def _file_word(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _plot(result: SetResult, subject: SubjectResult, path: Path) -> None:
    if any(method.curve for method in subject.methods):
        figure = new_canvas(12, 5)
        _draw_curves(figure.add_subplot(1, 2, 1), subject.methods)
        _draw_reliability(figure.add_subplot(1, 2, 2), subject.methods)
    else:
        names = _row_names(subject)
        figure = new_canvas(9, 1.6 + 0.3 * len(names) * len(subject.methods))
        _draw_bars(figure.add_subplot(), subject.methods, names)
    figure.suptitle(f"{subject.subject}: {result.set} {result.version}, {result.size}, {subject.num_items} items")
    save_canvas(figure, path)


def _draw_curves(axes: Axes, methods: Sequence[MethodResult]) -> None:
    for method, colour in zip(methods, _COLOURS, strict=False):
        for name, style in (("precision", "-"), ("recall", "--"), ("load", ":")):
            points = [(point.threshold, getattr(point, name)) for point in method.curve]
            known = [(threshold, value) for threshold, value in points if value is not None]
            axes.plot(
                *zip(*known, strict=True), style, color=colour, label=f"{method.method}: {name}"
            ) if known else None
    axes.set(xlabel="threshold", ylim=(-0.02, 1.02), title="precision, recall, share of items")
    axes.legend(frameon=False)


def _draw_reliability(axes: Axes, methods: Sequence[MethodResult]) -> None:
    axes.plot((0, 1), (0, 1), color="#999999", linewidth=1)
    for method, colour in zip(methods, _COLOURS, strict=False):
        bins = method.reliability
        axes.plot([each.mean_score for each in bins], [each.true_share for each in bins], "o-", color=colour)
        for each in bins:
            axes.annotate(f"{each.n}", (each.mean_score, each.true_share), textcoords="offset points", xytext=(4, 4))
    axes.set(xlabel="mean score", ylabel="share of true items", xlim=(0, 1), ylim=(-0.02, 1.02), title="reliability")


def _row_names(subject: SubjectResult) -> list[str]:
    figures = [figure for method in subject.methods for figure in method.figures if figure.metric in _SHARES]
    return list(dict.fromkeys(metric_words(figure) for figure in figures))[:_MOST_ROWS]


def _draw_bars(axes: Axes, methods: Sequence[MethodResult], names: Sequence[str]) -> None:
    height = 0.8 / len(methods)
    for number, (method, colour) in enumerate(zip(methods, _COLOURS, strict=False)):
        by_name = {metric_words(figure): figure for figure in method.figures}
        for place, name in enumerate(names):
            if (figure := by_name.get(name)) is not None and figure.value is not None:
                axes.barh(place + number * height, figure.value, height, color=colour, xerr=_errors(figure))
        axes.barh(0, 0, color=colour, label=method.method)
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02)
    axes.legend(frameon=False, loc="lower right")


def _errors(figure: MetricValue) -> list[list[float]] | None:
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return [[max(0.0, figure.value - figure.low)], [max(0.0, figure.high - figure.value)]]
