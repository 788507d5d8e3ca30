"""Parts of a dashboard, independent of Grafana's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["timeseries", "stat", "table"]

Unit = Literal["short", "percentunit", "s", "ops", "reqps", "cps", "currencyUSD", "joule", "Bps", "bytes", "cores"]
"""Grafana's names of units; `cores` is ours, for CPU or device seconds per second."""


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression, and the name of its series."""

    expression: str
    legend: str = ""
    """`{{label}}` is replaced by a label's value."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: a question as its title, and a description of how to read the answer."""

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 8
    """Of 24 columns."""
    is_stacked: bool = False
    highest: float | None = None
    """Upper end of the scale, if there is one."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A selection at the dashboard's top; expressions use it as `$name`."""

    name: str
    label: str
    expression: str
    """A `label_values(...)` query."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page."""

    uid: str
    """Part of its address; never changes."""
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in the order of the page."""
        return tuple(panel for row in self.rows for panel in row.panels)
