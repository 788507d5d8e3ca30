"""A plot of trials: p99 against the cost of the media workers, one point per policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ops.plots import new_canvas, save_canvas
from ops.sizing.trial import SizingTrial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOOKS = {"fixed": ("#117733", "o", "fixed fleet"), "by lag": ("#cc6677", "s", "scaled by lag")}
"""After Paul Tol's muted scheme, and distinguishable by shape as well."""


def plot_trials(trials: Sequence[SizingTrial], path: Path, title: str) -> None:
    """Write the plot; the suffix determines its format.

    Raises:
        NoPlots: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    figure = new_canvas(9, 5.5)
    axes = figure.add_subplot()
    for policy, (colour, marker, label) in _LOOKS.items():
        _draw(axes, [trial for trial in trials if trial.policy == policy], colour, marker, label)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.set_xlabel("US dollars a million videos, media workers alone, by the price table")
    axes.set_ylabel("p99 from upload to verdict, seconds")
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    save_canvas(figure, path)


def _draw(axes: Axes, trials: Sequence[SizingTrial], colour: str, marker: str, label: str) -> None:
    costs, waits = [trial.usd_per_million for trial in trials], [trial.p99_seconds for trial in trials]
    axes.plot(costs, waits, color=colour, marker=marker, label=label, linewidth=1, markersize=6)
    for trial, cost, wait in zip(trials, costs, waits, strict=True):
        place = (6, 5) if trial.policy == "fixed" else (9, -3)
        word = f"{trial.setting:.0%} full" if trial.policy == "fixed" else f"lag {trial.setting:g}"
        axes.annotate(word, (cost, wait), xytext=place, textcoords="offset points", fontsize=8, color=colour)
