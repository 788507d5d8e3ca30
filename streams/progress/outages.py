"""Outages of broker and store as the watchdog sees them, in addition to the roles' own reports."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from streams.progress.watched import Wait

_WINDOW_LOOKS: Final = 15
_RETRIES_OF_AN_OUTAGE: Final = 3
"""Retries within the window: a store that answers a ping may still refuse writes."""
_UNCONFIRMED_SECONDS: Final = 15.0
"""A broker confirms within a second or two. If it takes longer, it is unavailable, refuses writes, or has too few
in-sync replicas."""


class Outages:
    """Dependencies that are unavailable to the whole process.

    Args:
        num_store_retries: grows with each wait of any role for the store.
        unconfirmed_seconds: age of the oldest record that was sent and not confirmed.
    """

    def __init__(self, num_store_retries: Callable[[], float], unconfirmed_seconds: Callable[[], float]) -> None:
        self._num_store_retries = num_store_retries
        self._unconfirmed_seconds = unconfirmed_seconds
        self._retries: deque[float] = deque(maxlen=_WINDOW_LOOKS)
        self.is_store_answering = True
        """Whether the store answered the last ping."""

    def look(self) -> None:
        """Count elapsed time."""
        self._retries.append(self._num_store_retries())

    def current(self) -> Wait | None:
        """The dependency that is unavailable now, or None."""
        retries = self._retries[-1] - self._retries[0] if self._retries else 0.0
        if not self.is_store_answering or retries >= _RETRIES_OF_AN_OUTAGE:
            return "store-unavailable"
        return "broker-unavailable" if self._unconfirmed_seconds() > _UNCONFIRMED_SECONDS else None
