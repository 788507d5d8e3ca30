"""Results of `bench engines`: a row for each model, mode and processor, as a table, a JSON object and a plot."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from ops.bench.engines.engine_rows import EngineRow
from ops.bench.engines.plot import plot_gains
from ops.bench.report import BenchReport


@dataclass(frozen=True)
class EngineReport(BenchReport):
    """The rows in addition to the figures."""

    rows: tuple[EngineRow, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The object that scripts read."""
        return super().as_json() | {"rows": [asdict(row) for row in self.rows]}

    def tables(self) -> tuple[Table, ...]:
        """See `BenchReport.tables`; the rows come first."""
        return (self._rows_table(), *super().tables())

    def _rows_table(self) -> Table:
        table = Table(
            "processor", "model", "mode", "CPU ms an item", "over torch-float32", "tolerance", "chosen",
            title=f"bench {self.bench}",
        )  # fmt: skip
        for row in self.rows:
            table.add_row(
                row.processor,
                row.model,
                row.mode,
                _spread([1000 * seconds for seconds in row.item_seconds]),
                _spread(list(row.gains)),
                row.verdict,
                "yes" if row.is_chosen else "",
            )
        return table

    def draw(self, path: Path) -> None:
        """See `BenchReport.draw`."""
        plot_gains(self.rows, path)


def _spread(values: list[float]) -> str:
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})" if values else ""
