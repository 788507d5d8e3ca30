"""What is to happen later, by its time; anyone who owns it runs what is due."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count

Action = Callable[[], None]


class Planned:
    """Actions and when they are due; any thread may add."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Action]] = []
        self._lock = threading.Lock()
        self._numbers = count()

    def after(self, seconds: float, action: Action) -> None:
        """Run it so many seconds from now."""
        with self._lock:
            heapq.heappush(self._entries, (time.monotonic() + seconds, next(self._numbers), action))

    def run_due(self) -> None:
        """Run what is due, in the order of its time."""
        for action in self._due():
            action()

    def __len__(self) -> int:
        return len(self._entries)

    def _due(self) -> list[Action]:
        found = []
        with self._lock:
            while self._entries and self._entries[0][0] <= time.monotonic():
                found.append(heapq.heappop(self._entries)[2])
        return found
