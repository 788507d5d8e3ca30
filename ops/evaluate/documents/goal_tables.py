"""The measured part of `docs/signal-goals.md`: before, now and goal, a table for each topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ops.evaluate.documents.generated_part import with_part
from ops.evaluate.documents.goals import Goal, measured
from ops.evaluate.documents.headline import set_words, short_value
from ops.evaluate.report import NOT_MEASURED
from ops.evaluate.result import SetResult

_HEAD = ("goal of", "before", "now", "n", "set", "goal", "reached", "why no better")


def with_goals(page: str, goals: Sequence[Goal], results: Mapping[str, SetResult]) -> str:
    """Return the page with its tables written again.

    Args:
        page: with the marks of one generated part.
        goals: in the order of the tables.
        results: by set.

    Raises:
        ValueError: the marks are missing.
    """
    return with_part(page, "\n".join(_lines(goals, results)))


def _lines(goals: Sequence[Goal], results: Mapping[str, SetResult]) -> Iterator[str]:
    for topic in dict.fromkeys(goal.topic for goal in goals):
        yield from (f"## {topic}", "", f"| {' | '.join(_HEAD)} |", f"|{'---|' * len(_HEAD)}")
        for goal in goals:
            if goal.topic == topic:
                yield f"| {' | '.join(goal_row(goal, results))} |"
        yield ""


def goal_row(goal: Goal, results: Mapping[str, SetResult]) -> tuple[str, ...]:
    """Return the cells of one goal."""
    figure = measured(goal, results)
    before = goal.before or NOT_MEASURED
    if figure is None or figure.value is None:
        return goal.what, before, NOT_MEASURED, "0", goal.set, goal.words, _answer(goal, False), goal.reason
    is_reached = goal.is_reached_by(figure.value)
    counts = f"{figure.n:,}", set_words(results[goal.set])
    reason = "" if is_reached else goal.reason
    return goal.what, before, short_value(figure), *counts, goal.words, _answer(goal, is_reached), reason


def _answer(goal: Goal, is_reached: bool) -> str:
    """Return whether a goal is reached; nothing for a figure that is only stated."""
    if goal.at_least is None and goal.at_most is None:
        return ""
    return "yes" if is_reached else "no"
