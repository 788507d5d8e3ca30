"""Shares the time of a core between the batches that are under way on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class CoreClock:
    """Two threads keep a core busy: one's batch computes while the other's is copied. Neither has the core alone.

    So each batch under way is charged an equal part of the time, and all together no more than has passed.

    Args:
        now: seconds.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._num_running = 0
        self._read_at = 0.0
        self._share_seconds = 0.0
        """Of a batch that would have been under way always."""

    @contextmanager
    def batch(self, spend: Callable[[float], None]) -> Iterator[None]:
        """Charge what runs within; the seconds are given to `spend` unless an error is raised."""
        began = self._step(+1)
        try:
            yield
        except BaseException:
            self._step(-1)
            raise
        spend(self._step(-1) - began)

    def _step(self, change: int) -> float:
        with self._lock:
            now = self._now()
            if self._num_running:
                self._share_seconds += (now - self._read_at) / self._num_running
            self._read_at = now
            self._num_running += change
            return self._share_seconds
