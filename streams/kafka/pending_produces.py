"""Pending produces: records that the broker has not acknowledged, and the age of the oldest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from streams.lifecycle.clock import Clock


class PendingProduces:
    """librdkafka retries forever without reporting anything, so an unavailable broker is visible only here.

    Args:
        clock: for ages.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_seconds: dict[object, float] = {}

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count one record as pending while the context is open."""
        record = object()
        self._since_seconds[record] = self._clock.monotonic_seconds()
        try:
            yield
        finally:
            del self._since_seconds[record]

    def oldest_seconds(self) -> float:
        """Return the age of the oldest pending record; 0 without one. Callable from any thread."""
        since = tuple(self._since_seconds.values())  # copied in one step, while the loop continues
        return self._clock.monotonic_seconds() - min(since) if since else 0.0
