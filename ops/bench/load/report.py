"""Results of `bench load`: one row for each step, as a table, a JSON object and a plot."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from ops.bench.load.plot import plot_steps
from ops.bench.load.step_figures import StepFigures
from ops.bench.report import BenchReport


@dataclass(frozen=True)
class LoadReport(BenchReport):
    """The steps in addition to the figures."""

    steps: tuple[StepFigures, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The object that scripts read; what never came is null."""
        whole: dict[str, Any] = _finite(super().as_json() | {"steps": [asdict(step) for step in self.steps]})
        return whole

    def tables(self) -> tuple[Table, ...]:
        """See `BenchReport.tables`; the steps come first."""
        return (self._steps_table(), *super().tables())

    def _steps_table(self) -> Table:
        table = Table(
            "offered/s", "answered/s", "p50 s", "p99 s", "cores busy", "videos a $", "videos a J", "tokens a $",
            "backlog", title=f"bench {self.bench}",
        )  # fmt: skip
        for step in self.steps:
            table.add_row(*_row(step), style="red" if step.is_saturated else "")
        return table

    def draw(self, path: Path) -> None:
        """See `BenchReport.draw`."""
        plot_steps(self.steps, path)


def _finite(value: Any) -> Any:
    """Return the same with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _row(step: StepFigures) -> tuple[str, ...]:
    rates = (step.offered_videos_per_second, step.answered_videos_per_second, step.p50_seconds, step.p99_seconds)
    return (
        *(f"{value:.2f}" for value in rates),
        f"{step.utilisation_ratio:.0%}",
        f"{step.videos_per_usd:,.0f}",
        f"{step.videos_per_joule:.3g}" + (" modelled" if step.is_energy_modelled else ""),
        f"{step.tokens_per_usd:,.0f}",
        f"{step.backlog}" + (", saturated" if step.is_saturated else ""),
    )
