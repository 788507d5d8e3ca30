"""Waits between attempts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double up to a limit, each shortened randomly so that many waiters do not return at once."""

    first_seconds: float = 0.1
    limit_seconds: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.first_seconds <= self.limit_seconds:
            raise ValueError(f"waits must be 0 < first <= limit, got {self.first_seconds} and {self.limit_seconds}")

    def delays(self) -> Iterator[float]:
        """Yield the seconds to wait after the first failure, the second, and so on forever."""
        seconds = self.first_seconds
        while True:
            yield seconds * random.uniform(0.5, 1.0)
            seconds = min(self.limit_seconds, seconds * 2)
