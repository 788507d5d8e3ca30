"""Goals of signals: the figure that was wanted of a set, what it was before, and why it is no better where missed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

import ops.evaluate
from ops.evaluate.documents.headline import at_threshold, lowest_threshold, of_method
from ops.evaluate.judgements import PRODUCT
from ops.evaluate.result import Metric, MetricValue, SetResult

GOALS_FILE: Final = Path(ops.evaluate.__path__[0]) / "data" / "goals.toml"


class Goal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One goal. Its figure is that of `subject`, or with `costs_over` a ratio of CPU seconds."""

    topic: str
    """Under which heading it stands."""
    what: str
    before: str
    """Measured before, on other material; empty: it was not."""
    set: str
    subject: str = ""
    metric: Metric | None = None
    kinds: tuple[str, ...] = ()
    """Of the items, as a share of all of them together; none: all items."""
    costs_of: str = PRODUCT
    """The method whose costs count."""
    costs_over: str = ""
    """The method that they are compared with."""
    at_least: float | None = None
    at_most: float | None = None
    """Neither: the figure is stated, without a goal."""
    reason: str = ""
    """Why it is no better; of a goal that is missed."""

    @property
    def words(self) -> str:
        """What is wanted."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return "stated" if self.at_most is None else f"at most {self.at_most:g}"

    def is_reached_by(self, value: float) -> bool:
        """Whether a value is good enough; a goal without a bound is."""
        return (
            (-math.inf if self.at_least is None else self.at_least)
            <= value
            <= (math.inf if self.at_most is None else self.at_most)
        )


def read_goals(path: Path = GOALS_FILE) -> tuple[Goal, ...]:
    """Read the goals, in their order. Raises OSError, msgspec.ValidationError."""
    return msgspec.toml.decode(path.read_bytes(), type=dict[str, tuple[Goal, ...]])["goals"]


def measured(goal: Goal, results: Mapping[str, SetResult]) -> MetricValue | None:
    """Return the figure of a goal; None if it was not measured.

    Args:
        goal: whose.
        results: by set.
    """
    result = results.get(goal.set)
    if result is None:
        return None
    return _ratio_of_costs(goal, result) if goal.costs_over else _figure(goal, result)


def _figure(goal: Goal, result: SetResult) -> MetricValue | None:
    figures = next((of_method(each) for each in result.subjects if each.subject == goal.subject), ())
    if not goal.kinds:
        overall = at_threshold(figures, lowest_threshold(figures)).get(goal.metric) if goal.metric else None
        return None if overall is None or overall.value is None else overall
    return _pooled([each for each in figures if each.metric == goal.metric and each.kind in goal.kinds], figures)


def _pooled(of_kinds: list[MetricValue], figures: tuple[MetricValue, ...]) -> MetricValue | None:
    """Return one figure of several kinds, as a mean weighted by their items; an interval is that of one kind alone."""
    lowest = lowest_threshold(figures)
    found = [each for each in of_kinds if each.threshold in (None, lowest) and each.value is not None]
    if len(found) < 2:
        return next(iter(found), None)
    num_items = sum(each.n for each in found)
    total = math.fsum((each.value or 0.0) * each.n for each in found)
    return MetricValue(metric=found[0].metric, value=total / num_items, n=num_items, unit=found[0].unit)


def _ratio_of_costs(goal: Goal, result: SetResult) -> MetricValue | None:
    spent = {cost.method: cost for cost in result.costs}
    if goal.costs_of not in spent or goal.costs_over not in spent:
        return None
    ratio = spent[goal.costs_of].cpu_seconds / spent[goal.costs_over].cpu_seconds
    return MetricValue(metric="mean absolute error", value=ratio, n=spent[goal.costs_of].num_items)
