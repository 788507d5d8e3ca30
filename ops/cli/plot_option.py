"""The option `--plot`: checked before anything is measured or read, and written afterwards."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from ops.cli.console import fail
from ops.cli.exit_codes import ExitCode
from ops.plots import PLOT_SUFFIXES, NoPlots


def require_plot(plot: Path | None) -> None:
    """Return if a plot can be written there, or is not asked for; exits with the usage code otherwise."""
    if plot is None:
        return
    if plot.suffix not in PLOT_SUFFIXES:
        fail(f"--plot is {str(plot)!r}; allowed: a file that ends in {' or '.join(PLOT_SUFFIXES)}", ExitCode.USAGE)
    if not plot.parent.is_dir():
        fail(f"--plot is {str(plot)!r}; allowed: a file in a folder that exists", ExitCode.USAGE)
    if find_spec("matplotlib") is None:
        fail(str(NoPlots()), ExitCode.USAGE)


def draw_or_exit(draw: Callable[[Path], None], plot: Path) -> None:
    """Write a plot; exits with the usage code where that fails.

    Args:
        draw: writes it; may raise NoPlots and OSError.
        plot: its file.
    """
    try:
        draw(plot)
    except (NoPlots, OSError) as error:
        fail(str(error), ExitCode.USAGE)
