"""A plot of what each mode gains over torch in float32, model by model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from ops.bench.engines.engine_rows import EngineRow
from ops.plots import new_canvas, save_canvas

_GREEN, _BLUE, _GREY = "#117733", "#332288", "#999999"
"""After Paul Tol's muted scheme."""
_ROW_INCHES: Final = 0.3


def plot_gains(rows: Sequence[EngineRow], path: Path) -> None:
    """Write the plot: one picture a processor, one line a mode, the chosen ones in green; the suffix determines the
    format.

    Raises:
        NoPlots: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    names = list(dict.fromkeys(row.processor for row in rows))
    timed = {name: [row for row in rows if row.processor == name and row.gains] for name in names}
    canvas = new_canvas(9, sum(1.2 + _ROW_INCHES * len(each) for each in timed.values()))
    pictures = canvas.subplots(
        len(names), squeeze=False, gridspec_kw={"height_ratios": [max(1, len(each)) for each in timed.values()]}
    )
    for axes, (name, shown) in zip(pictures[:, 0], timed.items(), strict=True):
        for place, row in enumerate(reversed(shown)):
            axes.plot((min(row.gains), max(row.gains)), (place, place), color=_GREY, linewidth=2)
            axes.plot(median(row.gains), place, marker="o", color=_GREEN if row.is_chosen else _BLUE)
        axes.axvline(1.0, color="black", linewidth=1)
        axes.set_yticks(range(len(shown)), [f"{row.model}, {row.mode}" for row in reversed(shown)], fontsize=8)
        axes.set_xlabel("times as fast as torch in float32: median of the rounds, with their range")
        axes.grid(visible=True, axis="x", alpha=0.25)
        axes.set_title(f"{name}: CPU time of an item, chosen modes in green", loc="left", fontsize=11)
    save_canvas(canvas, path)
