"""The limit on dead letters by internal faults, for roles that hold an event while it waits.

Verdict and engagement process the log in order, so an event that must not be given up cannot be deferred: it is held
and retried at growing intervals, and later events wait. See `streams.delivery.own_faults`, and
`streams.delivery.dead_letter_limit` for roles that can defer events.
"""

from __future__ import annotations

from typing import Final

import structlog

from schemas.facts import Failure
from streams.delivery.own_faults import OwnFaults
from streams.lifecycle.backoff import Backoff
from streams.lifecycle.clock import Clock
from streams.record import Place

BETWEEN_TRIES: Final = Backoff(first_seconds=2.0, limit_seconds=60.0)
"""Waits between attempts of a held event."""

_log = structlog.get_logger(__name__)


class HeldEvents:
    """The held events of one role in one worker, used by one thread; `is_paused` may be read from any thread.

    Args:
        role: for logs.
        clock: for the window.
        max_dead_letters: by internal faults within the window; 0 disables the limit.
        window_seconds: how long a dead letter counts.
    """

    def __init__(self, role: str, clock: Clock, *, max_dead_letters: int, window_seconds: float) -> None:
        self._role = role
        self._faults = OwnFaults(clock, max_dead_letters, window_seconds)
        self._window_seconds = window_seconds
        self._held: set[Place] = set()

    @property
    def is_paused(self) -> bool:
        """Whether an event is held."""
        return bool(self._held)

    def may_give_up(self, place: Place, failure: Failure) -> bool:
        """Return whether the event may be answered with a dead letter; if not, it is held until `release`."""
        if self._faults.is_free(place, failure):
            return True
        if self._faults.is_full:
            self._hold(place, failure)
            return False
        self._faults.count(place)
        return True

    def release(self, place: Place) -> None:
        """Release an event that was answered or put back; has no effect if it was not held."""
        if place not in self._held:
            return
        self._held.remove(place)
        if not self._held:
            _log.warning("role resumed: no event is held any more", role=self._role)

    def release_all(self) -> None:
        """Release all events."""
        for place in tuple(self._held):
            self.release(place)

    def _hold(self, place: Place, failure: Failure) -> None:
        if not self._held:
            _log.critical(
                "role paused: too many dead letters by internal faults; fix the cause of the last one. The held events"
                " are retried at least once a minute, and the role resumes with the first success, or after a restart",
                role=self._role,
                max_dead_letters=self._faults.max_dead_letters,
                window_seconds=self._window_seconds,
                cause=failure.cause,
                message=failure.message,
                place=place,
            )
        self._held.add(place)
