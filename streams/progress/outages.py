"""Broker and store as the watchdog sees them, beside what the roles say."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from streams.progress.watched import Wait

_WINDOW_LOOKS: Final = 15
_RETRIES_OF_AN_OUTAGE: Final = 3
"""Within the window: a store that answers a ping may still refuse what is written to it."""
_UNCONFIRMED_SECONDS: Final = 15.0
"""A broker confirms within a second or two, or it is unavailable, refuses, or has too few replicas in sync."""


class Outages:
    """What is unavailable to the whole process.

    Args:
        num_store_retries: grows with each wait of any role for the store.
        unconfirmed_seconds: age of the oldest record that was sent and not confirmed.
    """

    def __init__(self, num_store_retries: Callable[[], float], unconfirmed_seconds: Callable[[], float]) -> None:
        self._num_store_retries = num_store_retries
        self._unconfirmed_seconds = unconfirmed_seconds
        self._retries: deque[float] = deque(maxlen=_WINDOW_LOOKS)
        self.is_store_answering = True
        """When it was last asked."""

    def look(self) -> None:
        """Time has passed."""
        self._retries.append(self._num_store_retries())

    def current(self) -> Wait | None:
        """What is unavailable now."""
        retries = self._retries[-1] - self._retries[0] if self._retries else 0.0
        if not self.is_store_answering or retries >= _RETRIES_OF_AN_OUTAGE:
            return "store-unavailable"
        return "broker-unavailable" if self._unconfirmed_seconds() > _UNCONFIRMED_SECONDS else None
