"""A plot of a roll-up: cost per million videos, in bars that are stacked by stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ops.costs.roll_up import RollUp, Sums
from ops.plots import new_canvas, save_canvas
from schemas.counted import counted
from schemas.receipts import CPU_STAGES, CpuStage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BARS: Final = 12
_COLOURS: Final[dict[CpuStage, str]] = {
    "fetch": "#88ccee",
    "index": "#44aa99",
    "decode": "#117733",
    "operators": "#ddcc77",
    "device": "#cc6677",
    "overhead": "#999999",
}
"""After Paul Tol's muted scheme, which is distinguishable with any colour vision."""


def plot_costs(found: RollUp, path: Path) -> None:
    """Write the plot; the suffix determines its format.

    Raises:
        NoPlots: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    figure = new_canvas(9, 1.6 + 0.45 * len(_bars(found)))
    axes = figure.add_subplot()
    _draw(axes, found)
    figure.legend(loc="outside lower left", frameon=False, ncols=len(CPU_STAGES))
    save_canvas(figure, path)


def _draw(axes: Axes, found: RollUp) -> None:
    bars = _bars(found)[::-1]
    names = [bar.name if len(bar.name) <= 28 else bar.name[:27] + "…" for bar in bars]
    places = list(range(len(bars)))  # two long names may look alike after shortening; positions do not
    left = [0.0] * len(bars)
    for stage in CPU_STAGES:
        widths = [_usd_per_million(found, bar, bar.usd_by_stage[stage]) for bar in bars]
        if any(widths):
            axes.barh(places, widths, left=left, color=_COLOURS[stage], label=stage, height=0.7)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for place, end in zip(places, left, strict=True):
        axes.annotate(f"{end:.3g}", (end, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(places, names)
    axes.set_xlim(0, max(left, default=0.0) * 1.12 or 1.0)
    axes.set_xlabel("US dollars a million videos, by the price table")
    axes.set_title(f"Cost by {found.grouping}: {counted(found.total.num_videos, 'video')} in the log", loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def _bars(found: RollUp) -> list[Sums]:
    return list(found.groups[:_MOST_BARS])


def _usd_per_million(found: RollUp, bar: Sums, usd: float) -> float:
    """Return the cost per million of the group's own videos if it is a group of videos; otherwise of all, so that the
    bars add up."""
    is_of_videos = found.grouping in ("market", "creator")
    return 1e6 * usd / max(1, bar.num_videos if is_of_videos else found.total.num_videos)
