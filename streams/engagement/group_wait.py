"""Waits of the counting thread, which stays a member of its group meanwhile.

A member that does not poll holds up every rebalance of its group, so that nobody reads, and is evicted after
`max.poll.interval.ms`. So whatever waits for long polls the client now and then, with all partitions paused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from streams.engagement.errors import Stopping
from streams.lifecycle.clock import Clock

_SHORT_SECONDS: Final = 1.0
"""Waits of less in one batch keep what the client has fetched, which a pause throws away."""
_WORK_SECONDS: Final = 20.0
"""The same for work without a wait."""


class GroupWait:
    """The waits of one batch.

    Args:
        stopping: ends every wait.
        clock: of the work between two polls.
    """

    def __init__(self, stopping: threading.Event, clock: Clock) -> None:
        self._stopping = stopping
        self._clock = clock
        self._waited_seconds = 0.0
        self._polled_seconds = clock.monotonic_seconds()
        self.stay: Callable[[], None] = lambda: None
        """Polls the client. Raises Reassigned where the batch in hand is not to be counted any more."""

    @property
    def is_stopping(self) -> bool:
        """Whether the worker stops."""
        return self._stopping.is_set()

    def begin(self) -> None:
        """The client is about to be polled for a batch, which has waited for nothing yet."""
        self._waited_seconds = 0.0
        self._polled_seconds = self._clock.monotonic_seconds()

    def sleep(self, seconds: float) -> None:
        """Return after that long.

        Raises:
            Stopping: the worker stops.
            Reassigned: the batch in hand is not to be counted any more.
        """
        if self._stopping.wait(seconds):
            raise Stopping
        self.passed(seconds)

    def passed(self, seconds: float) -> None:
        """Something was waited for, for that long. Raises as `sleep` does."""
        if self._stopping.is_set():
            raise Stopping
        self._waited_seconds += seconds
        if self._waited_seconds >= _SHORT_SECONDS:
            self._poll()

    def step(self) -> None:
        """The next step of a long work begins. Raises Reassigned."""
        if self._clock.monotonic_seconds() - self._polled_seconds >= _WORK_SECONDS:
            self._poll()

    def _poll(self) -> None:
        self._polled_seconds = self._clock.monotonic_seconds()
        self.stay()
