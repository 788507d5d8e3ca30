"""Number of workers: fixed, or by lag as KEDA and the autoscaler of Kubernetes compute it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol


class Scaling(Protocol):
    """Called at every poll."""

    @property
    def poll_seconds(self) -> float:
        """Interval of polls."""
        ...

    def wanted(self, now: float, lag: int, num_workers: int) -> int:
        """Return the desired number of workers, from uncommitted uploads and running or starting workers."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """A constant number; a lost worker is replaced."""

    number: int
    poll_seconds: float = 15.0

    def wanted(self, now: float, lag: int, num_workers: int) -> int:  # noqa: ARG002
        """Return the number."""
        return self.number


@dataclass(slots=True)
class ByLag:
    """Lag divided by a threshold, with the limits of `ops/kubernetes/base/scaling.yaml`.

    Args:
        lag_threshold: uploads per worker.
        least: minimum number of workers.
        most: at most the number of partitions.
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
        """Up at most twofold per minute; down after ten quiet minutes, by a quarter in five."""
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
