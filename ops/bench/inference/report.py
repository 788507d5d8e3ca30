"""Results of `bench inference`: figures that can be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ops.bench.inference.plot import plot_ratios
from ops.bench.report import BenchReport


@dataclass(frozen=True)
class InferenceReport(BenchReport):
    """The usual report with a plot."""

    def draw(self, path: Path) -> None:
        """See `BenchReport.draw`."""
        plot_ratios(self.figures, path)
