"""Waits of the counting thread that keep it a member of its group.

A member that does not poll blocks every rebalance of its group, and is evicted after `max.poll.interval.ms`. So long
waits poll the client at intervals, with all partitions paused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from streams.engagement.errors import Stopping
from streams.lifecycle.clock import Clock

_SHORT_SECONDS: Final = 1.0
"""Shorter waits in a batch do not pause, because a pause discards what the client has fetched."""
_WORK_SECONDS: Final = 20.0
"""The same for work without waits."""


class GroupWait:
    """The waits of one batch.

    Args:
        stopping: set to end every wait.
        clock: times the work between two polls.
    """

    def __init__(self, stopping: threading.Event, clock: Clock) -> None:
        self._stopping = stopping
        self._clock = clock
        self._waited_seconds = 0.0
        self._polled_seconds = clock.monotonic_seconds()
        self.stay: Callable[[], None] = lambda: None
        """Polls the client. Raises Reassigned if the current batch must not be counted any more."""

    @property
    def is_stopping(self) -> bool:
        """Whether the worker is stopping."""
        return self._stopping.is_set()

    def begin(self) -> None:
        """Start a batch: reset the waited time."""
        self._waited_seconds = 0.0
        self._polled_seconds = self._clock.monotonic_seconds()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            Stopping: the worker is stopping.
            Reassigned: the current batch must not be counted any more.
        """
        if self._stopping.wait(seconds):
            raise Stopping
        self.passed(seconds)

    def passed(self, seconds: float) -> None:
        """Note a wait that took place elsewhere. Raises as `sleep` does."""
        if self._stopping.is_set():
            raise Stopping
        self._waited_seconds += seconds
        if self._waited_seconds >= _SHORT_SECONDS:
            self._poll()

    def step(self) -> None:
        """Poll if work has taken long; call between steps. Raises Reassigned."""
        if self._clock.monotonic_seconds() - self._polled_seconds >= _WORK_SECONDS:
            self._poll()

    def _poll(self) -> None:
        self._polled_seconds = self._clock.monotonic_seconds()
        self.stay()
