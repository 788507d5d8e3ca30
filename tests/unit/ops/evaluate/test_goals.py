"""Goals of signals: which figure is that of a goal, when it is reached, and that no goal is missed without a reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ops.evaluate.documents.generated_part import BEGIN, END
from ops.evaluate.documents.goal_tables import goal_row, with_goals
from ops.evaluate.documents.goals import Goal, measured, read_goals
from ops.evaluate.judgements import PRODUCT
from ops.evaluate.result import MethodCost, MethodResult, MetricValue, SetResult, SubjectResult
from ops.evaluate.result_files import best_results, saved_results
from ops.evaluate.set_registry import SETS
from tests.evaluation_results import set_result

GOALS = read_goals()


def goal(**fields: Any) -> Goal:
    return Goal(
        **{
            "topic": "Cuts",
            "what": "cuts",
            "before": "0.2",
            "set": "a-set",
            "subject": "s",
            "metric": "recall",
            "reason": "Because.",
            **fields,
        }
    )


def results(*figures: MetricValue, costs: tuple[MethodCost, ...] = ()) -> Mapping[str, SetResult]:
    methods = (MethodResult(method=PRODUCT, num_items=4, figures=figures),)
    subject = SubjectResult(subject="s", meaning="", num_items=4, methods=methods)
    return {"a-set": set_result(subject, version=2, costs=costs)}


def recall(value: float | None, n: int = 4, kind: str = "", threshold: float | None = None) -> MetricValue:
    return MetricValue(metric="recall", value=value, n=n, kind=kind, threshold=threshold)


def value_of(wanted: Goal, *figures: MetricValue) -> tuple[float | None, int] | None:
    found = measured(wanted, results(*figures))
    return None if found is None else (found.value, found.n)


class TestFigures:
    def test_of_all_items(self) -> None:
        """Without kinds it is the figure of all items at the lowest threshold."""
        found = value_of(goal(), recall(0.9, kind="dark"), recall(0.5, threshold=0.3), recall(0.1, threshold=0.8))
        assert found == (0.5, 4)

    def test_of_kinds(self) -> None:
        """Several kinds are one figure, in which every item counts once."""
        figures = recall(0.2), recall(1.0, n=3, kind="dark"), recall(0.0, n=1, kind="flat"), recall(0.5, kind="other")
        assert value_of(goal(kinds=("dark", "flat")), *figures) == (0.75, 4)

    def test_of_kinds_at_the_lowest_threshold(self) -> None:
        """Figures of higher thresholds are none of the goal."""
        figures = recall(1.0, kind="dark", threshold=0.3), recall(0.0, kind="dark", threshold=0.8)
        assert value_of(goal(kinds=("dark",)), *figures) == (1.0, 4)

    @pytest.mark.parametrize("figures", [(), (recall(None),), (recall(0.5, kind="dark"),)])
    def test_not_measured(self, figures: tuple[MetricValue, ...]) -> None:
        """A figure that is missing, or that nothing in the set could show."""
        assert measured(goal(), results(*figures)) is None
        assert measured(goal(kinds=("grey",)), results(*figures)) is None
        assert measured(goal(set="other"), results(*figures)) is None

    def test_costs(self) -> None:
        """A ratio of the CPU seconds of two methods; without the other method there is none."""
        costs = tuple(
            MethodCost(method=method, cpu_seconds=seconds, media_seconds=9.0, num_items=5)
            for method, seconds in ((PRODUCT, 3.0), ("other", 4.0))
        )
        wanted = goal(subject="", metric=None, costs_over="other")
        found = measured(wanted, results(costs=costs))
        assert found is not None and (found.value, found.n) == (0.75, 5)
        assert measured(wanted, results(costs=costs[:1])) is None


class TestRows:
    @pytest.mark.parametrize(
        ("bounds", "answer"),
        [
            ({"at_least": 0.5}, ("at least 0.5", "yes", "")),
            ({"at_least": 0.6}, ("at least 0.6", "no", "Because.")),
            ({"at_most": 0.5}, ("at most 0.5", "yes", "")),
            ({"at_most": 0.4}, ("at most 0.4", "no", "Because.")),
            ({}, ("stated", "", "")),
        ],
    )
    def test_reached(self, bounds: dict[str, float], answer: tuple[str, ...]) -> None:
        """A bound itself is good enough, and a reason stands only with a goal that is missed."""
        row = goal_row(goal(**bounds), results(recall(0.5)))
        assert row == ("cuts", "0.2", "0.50", "4", "a-set 2, full", *answer)

    def test_not_measured(self) -> None:
        """What was never measured is never reached."""
        row = goal_row(goal(before="", at_least=0.5), results())
        assert row == ("cuts", "not measured", "not measured", "0", "a-set", "at least 0.5", "no", "Because.")

    def test_a_table_for_each_topic(self) -> None:
        """Goals stand under their topics, in the order of the file; the rest of the page stays."""
        goals = goal(), goal(topic="Sound", what="sirens"), goal(what="fades")
        page = with_goals(f"# Head\n\n{BEGIN}\nformer\n{END}\n\nmore\n", goals, results(recall(0.5)))
        places = [page.index(each) for each in ("# Head", "## Cuts", "| cuts |", "| fades |", "## Sound", "| sirens |")]
        assert places == sorted(places) and "former" not in page and page.endswith("\n\nmore\n")
        assert with_goals(page, goals, results(recall(0.5))) == page


class TestFile:
    def test_unknown_field(self, tmp_path: Path) -> None:
        """A misspelled field is refused."""
        (tmp_path / "goals.toml").write_text(
            '[[goals]]\ntopic = "t"\nwhat = "w"\nbefore = ""\nset = "s"\natleast = 1\n'
        )
        with pytest.raises(msgspec.ValidationError, match="atleast"):
            read_goals(tmp_path / "goals.toml")

    @pytest.mark.parametrize("wanted", GOALS, ids=[f"{each.topic}, {each.what}" for each in GOALS])
    def test_exists(self, wanted: Goal) -> None:
        """Set and subject are declared; a goal has a metric or costs."""
        found = SETS[wanted.set]
        assert wanted.costs_over or wanted.subject in {each.name for each in found.subjects}
        assert bool(wanted.metric) != bool(wanted.costs_over)

    @pytest.mark.parametrize("wanted", GOALS, ids=[f"{each.topic}, {each.what}" for each in GOALS])
    def test_a_missed_goal_has_a_reason(self, wanted: Goal) -> None:
        """A saved result that misses a goal needs a reason in the file of goals."""
        figure = measured(wanted, best_results(saved_results()))
        value = None if figure is None else figure.value
        assert (value is not None and wanted.is_reached_by(value)) or wanted.reason or wanted.words == "stated"
