"""Plots of reports: the canvas, the file, and what a plot needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOT_SUFFIXES: Final = (".png", ".svg")
_DOTS_PER_INCH: Final = 150


class NoPlots(Exception):
    """The plotting library is not installed, or there is nothing to plot; the message explains it."""

    def __init__(self, message: str = "a plot needs matplotlib: pip install 'vidsignal[plots]'") -> None:
        super().__init__(message)


def new_canvas(width_inches: float, height_inches: float) -> Figure:
    """Return an empty figure. Raises NoPlots if matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoPlots from error
    return Figure(figsize=(width_inches, height_inches), layout="constrained")


def save_canvas(figure: Figure, path: Path) -> None:
    """Write a figure, equal figures to equal files; the suffix determines the format. Raises OSError."""
    figure.savefig(path, dpi=_DOTS_PER_INCH, metadata={"Date": None} if path.suffix == ".svg" else None)
