"""Results of a benchmark: figures with bounds, as a table for people and as one JSON object for scripts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

from rich.table import Table

from ops.plots import NoPlots


@dataclass(frozen=True, slots=True)
class Bound:
    """The value that a figure must reach."""

    relation: Literal["at least", "at most"]
    value: float

    def holds(self, value: float) -> bool:
        """Return whether a measured value reaches it."""
        return value >= self.value if self.relation == "at least" else value <= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str
    bound: Bound | None = None
    spread: tuple[float, float] | None = None
    """Lowest and highest of several runs."""

    @property
    def holds(self) -> bool | None:
        """Whether the bound is reached; None without a bound."""
        return None if self.bound is None else self.bound.holds(self.value)


@dataclass(frozen=True, slots=True)
class BenchReport:
    """All figures of one run of a benchmark."""

    bench: str
    machine: dict[str, Any]
    figures: tuple[Figure, ...]
    competitors: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def all_hold(self) -> bool:
        """Whether no bound was missed."""
        return all(figure.holds is not False for figure in self.figures)

    def as_json(self) -> dict[str, Any]:
        """The object that scripts read."""
        return {
            "bench": self.bench,
            "machine": self.machine,
            "figures": [_figure_as_json(figure) for figure in self.figures],
            "contenders": self.competitors,
            "remarks": list(self.remarks),
        }

    def write(self, path: Path) -> None:
        """Write the JSON object to a file."""
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")

    def draw(self, path: Path) -> None:
        """Write a plot; the suffix determines its format.

        Raises:
            NoPlots: matplotlib is not installed, or this benchmark has no plot.
            OSError: the file cannot be written.
        """
        raise NoPlots(f"{path} is not written: bench {self.bench} has no plot")

    def tables(self) -> tuple[Table, ...]:
        """Return what people read."""
        return (self._figures_table(),)

    def _figures_table(self) -> Table:
        table = Table("figure", "value", "unit", "lowest to highest", "bound", "holds", title=f"bench {self.bench}")
        for figure in self.figures:
            table.add_row(*_row(figure))
        return table


def summarise(name: str, values: list[float], unit: str, bound: Bound | None = None) -> Figure:
    """Median and spread of several runs. Raises ValueError without runs."""
    if not values:
        raise ValueError(f"figure {name!r} has no measured value")
    return Figure(name, median(values), unit, bound, (min(values), max(values)))


def _figure_as_json(figure: Figure) -> dict[str, Any]:
    content = asdict(figure)
    content["holds"] = figure.holds
    return content


def _row(figure: Figure) -> tuple[str, ...]:
    spread = f"{figure.spread[0]:.3g} to {figure.spread[1]:.3g}" if figure.spread else ""
    bound = f"{figure.bound.relation} {figure.bound.value:g}" if figure.bound else ""
    holds = {None: "", True: "yes", False: "[red]NO[/]"}[figure.holds]
    return figure.name, f"{figure.value:.3g}", figure.unit, spread, bound, holds
