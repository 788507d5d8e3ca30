"""How many workers there should be: a fixed number, or by lag as KEDA and the autoscaler of Kubernetes reckon it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol


class Scaling(Protocol):
    """Asked at every poll."""

    @property
    def poll_seconds(self) -> float:
        """Between two questions."""
        ...

    def wanted(self, now: float, lag: int, num_workers: int) -> int:
        """Workers that there should be, given uncommitted uploads and the workers that stand or start."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same number; one that is lost is replaced."""

    number: int
    poll_seconds: float = 15.0

    def wanted(self, now: float, lag: int, num_workers: int) -> int:  # noqa: ARG002
        """Return the number."""
        return self.number


@dataclass(slots=True)
class ByLag:
    """Lag over a threshold, with the limits of `ops/kubernetes/base/scaling.yaml`.

    Args:
        lag_threshold: uploads for each worker.
        least: workers that always stand.
        most: as many as there are partitions, or fewer.
    """

    lag_threshold: float
    least: int
    most: int
    poll_seconds: float = 15.0
    up_ratio: float = 2.0
    up_period_seconds: float = 60.0
    down_ratio: float = 0.75
    down_period_seconds: float = 300.0
    stabilisation_seconds: float = 600.0
    _history: deque[tuple[float, int]] = field(default_factory=deque)
    _wishes: deque[tuple[float, int]] = field(default_factory=deque)

    def wanted(self, now: float, lag: int, num_workers: int) -> int:
        """Up at most twofold a minute; down after ten quiet minutes, a quarter in five."""
        wish = min(self.most, max(self.least, math.ceil(lag / self.lag_threshold)))
        self._remember(now, wish, num_workers)
        if wish > num_workers:
            before = min(count for at, count in self._history if at >= now - self.up_period_seconds)
            return max(num_workers, min(wish, math.ceil(before * self.up_ratio)))
        floor = max(each for _, each in self._wishes)
        before = max(count for at, count in self._history if at >= now - self.down_period_seconds)
        return min(num_workers, max(floor, math.floor(before * self.down_ratio)))

    def _remember(self, now: float, wish: int, num_workers: int) -> None:
        self._wishes.append((now, wish))
        self._history.append((now, num_workers))
        while self._wishes[0][0] < now - self.stabilisation_seconds:
            self._wishes.popleft()
        while self._history[0][0] < now - max(self.up_period_seconds, self.down_period_seconds):
            self._history.popleft()
