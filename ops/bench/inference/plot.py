"""A plot of throughput over that of each competitor, with bounds and spread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ops.bench.report import Figure
from ops.plots import new_canvas, save_canvas

_GREEN, _RED, _GREY = "#117733", "#cc6677", "#999999"
"""After Paul Tol's muted scheme."""
_ROW_INCHES = 0.32


def plot_ratios(figures: Sequence[Figure], path: Path) -> None:
    """Write the plot: one row for each figure that has to reach a bound; the suffix determines the format.

    Raises:
        NoPlots: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    rows = [figure for figure in figures if figure.bound is not None and figure.bound.relation == "at least"]
    canvas = new_canvas(9, 1.2 + _ROW_INCHES * len(rows))
    axes = canvas.subplots()
    for place, figure in enumerate(reversed(rows)):
        assert figure.bound is not None
        axes.plot(figure.spread or (figure.value, figure.value), (place, place), color=_GREY, linewidth=2)
        axes.plot(figure.value, place, marker="o", color=_GREEN if figure.holds else _RED)
        axes.plot(figure.bound.value, place, marker="|", markersize=14, color="black")
    axes.set_yticks(range(len(rows)), [figure.name for figure in reversed(rows)], fontsize=8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("median of the rounds, with their range; the bar is the bound")
    axes.grid(visible=True, axis="x", alpha=0.25)
    axes.set_title("Throughput of the batcher over others with the same model", loc="left", fontsize=11)
    save_canvas(canvas, path)
