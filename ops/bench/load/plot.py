"""A plot of the steps: latency, and what a dollar and a joule buy, against the offered load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ops.bench.load.step_figures import StepFigures
from ops.plots import new_canvas, save_canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GREEN, _RED, _BLUE, _GREY = "#117733", "#cc6677", "#332288", "#999999"
"""After Paul Tol's muted scheme."""


def plot_steps(steps: Sequence[StepFigures], path: Path) -> None:
    """Write the plot; the suffix determines its format.

    Raises:
        NoPlots: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    figure = new_canvas(9, 8)
    waits, buys = figure.subplots(2, sharex=True)
    offered = [step.offered_videos_per_second for step in steps]
    _draw_waits(waits, offered, steps)
    _draw_buys(buys, offered, steps)
    for axes in (waits, buys):
        _mark_saturation(axes, steps)
        axes.grid(visible=True, alpha=0.25)
        axes.set_xlim(left=0)
    buys.set_xlabel("offered load, videos a second")
    save_canvas(figure, path)


def _draw_waits(axes: Axes, offered: Sequence[float], steps: Sequence[StepFigures]) -> None:
    for name, values, colour, marker in (
        ("p99", [step.p99_seconds for step in steps], _RED, "s"),
        ("p50", [step.p50_seconds for step in steps], _GREEN, "o"),
    ):
        shown = [value if math.isfinite(value) else math.nan for value in values]
        axes.plot(offered, shown, color=colour, marker=marker, label=name)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel("scheduled upload to verdict, seconds")
    axes.set_title("Latency and cost under an open loop of uploads", loc="left", fontsize=11)
    axes.legend(frameon=False)


def _draw_buys(axes: Axes, offered: Sequence[float], steps: Sequence[StepFigures]) -> None:
    (usd,) = axes.plot(offered, [step.videos_per_usd for step in steps], color=_BLUE, marker="o")
    axes.set_ylabel("videos a US dollar")
    axes.set_ylim(bottom=0)
    energy_axes = axes.twinx()
    (joule,) = energy_axes.plot(offered, [step.videos_per_joule for step in steps], color=_GREEN, marker="s")
    energy_axes.set_ylabel("videos a joule")
    energy_axes.set_ylim(bottom=0)
    for place, step in zip(offered, steps, strict=True):
        text = f"{step.utilisation_ratio:.0%} busy"
        axes.annotate(text, (place, step.videos_per_usd), xytext=(0, 8), textcoords="offset points", fontsize=8)
    axes.legend([usd, joule], ["videos a US dollar", "videos a joule"], frameon=False, loc="lower right")


def _mark_saturation(axes: Axes, steps: Sequence[StepFigures]) -> None:
    full = [step.offered_videos_per_second for step in steps if step.is_saturated]
    if full:
        axes.axvline(min(full), color=_GREY, linestyle="--", linewidth=1)
        place = (min(full), 1.0)
        axes.annotate("saturated", place, xycoords=("data", "axes fraction"), xytext=(-4, -4), ha="right", va="top",
                      textcoords="offset points", fontsize=8, color=_GREY, rotation=90)  # fmt: skip
