"""What one step of offered load shows: latencies from the scheduled times, throughput, and whether it is too much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from statistics import linear_regression
from typing import Final

SETTLED_SHARE: Final = 1 / 3
"""First part of a step that does not count for saturation: the backlog of a steady system builds up in it."""
SHORTFALL_RATIO: Final = 0.1
"""Part of the offered rate that a saturated system leaves unanswered, and by which its backlog grows."""
_GRID_POINTS: Final = 60
"""Times at which the backlog is looked at."""


@dataclass(frozen=True, slots=True)
class ServedStep:
    """When uploads were due and when their verdicts came, in seconds since the start of the step."""

    window_seconds: float
    """Duration of the schedule; verdicts may come later."""
    due_seconds: Mapping[str, float]
    """By video: the scheduled time, also if the upload was published later."""
    answered_seconds: Mapping[str, float]
    """By video: its final verdict."""

    def latencies_seconds(self, videos: Iterable[str] | None = None) -> list[float]:
        """Return the time from the schedule to the verdict of these videos, or of all, ascending; infinite without a
        verdict."""
        chosen = self.due_seconds if videos is None else videos
        return sorted(self.answered_seconds.get(video, inf) - self.due_seconds[video] for video in chosen)

    @property
    def offered_hz(self) -> float:
        """Rate of the schedule."""
        return len(self.due_seconds) / self.window_seconds

    @property
    def num_answered(self) -> int:
        """Number of verdicts within the schedule."""
        return sum(at <= self.window_seconds for at in self.answered_seconds.values())

    @property
    def answered_hz(self) -> float:
        """Rate of the verdicts within the schedule."""
        return self.num_answered / self.window_seconds

    def backlog(self, at_seconds: float) -> int:
        """Return the number of uploads that are due and have no verdict at that time."""
        num_due = sum(due <= at_seconds for due in self.due_seconds.values())
        return num_due - sum(at <= at_seconds for at in self.answered_seconds.values())


def is_saturated(served: ServedStep) -> bool:
    """Return whether throughput stays below the offered rate while the backlog grows, once the step has settled.

    Both are required: verdicts also fall short when the last uploads come in a burst, and a backlog also grows for a
    moment in a burst that is worked off.
    """
    settled_seconds = SETTLED_SHARE * served.window_seconds
    rest_seconds = served.window_seconds - settled_seconds
    offered_hz = _num_within(served.due_seconds, settled_seconds, served.window_seconds) / rest_seconds
    answered_hz = _num_within(served.answered_seconds, settled_seconds, served.window_seconds) / rest_seconds
    least_hz = SHORTFALL_RATIO * offered_hz
    return offered_hz - answered_hz > least_hz and backlog_growth_hz(served, settled_seconds) > least_hz


def backlog_growth_hz(served: ServedStep, since_seconds: float) -> float:
    """Return the slope of the backlog until the end of the schedule, by least squares."""
    step_seconds = (served.window_seconds - since_seconds) / _GRID_POINTS
    times = [since_seconds + place * step_seconds for place in range(_GRID_POINTS + 1)]
    return linear_regression(times, [served.backlog(at) for at in times]).slope


def _num_within(times: Mapping[str, float], since_seconds: float, until_seconds: float) -> int:
    return sum(since_seconds < at <= until_seconds for at in times.values())
