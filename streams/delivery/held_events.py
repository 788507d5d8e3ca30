"""The limit on dead letters of our own fault, for roles that keep an event in hand while it waits.

Verdict and engagement work in the order of the log, so an event that must not be given up cannot step aside: it stays
where it is, is tried again less and less often, and what comes behind it waits. See `streams.delivery.own_faults`, and
`streams.delivery.dead_letter_limit` for the roles in which events do step aside.
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
"""Waits of an event that is held."""

_log = structlog.get_logger(__name__)


class HeldEvents:
    """Of one role of one worker, used by one thread; `is_paused` may be read from any.

    Args:
        role: for logs.
        clock: for the window.
        max_dead_letters: of our own fault within the window; 0 for no limit.
        window_seconds: how long one counts.
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
        """Whether the event may be answered with a dead letter; where not, it is held until `release`."""
        if self._faults.is_free(place, failure):
            return True
        if self._faults.is_full:
            self._hold(place, failure)
            return False
        self._faults.count(place)
        return True

    def release(self, place: Place) -> None:
        """The event was answered, or put back; harmless where it was not held."""
        if place not in self._held:
            return
        self._held.remove(place)
        if not self._held:
            _log.warning("role resumed: what was held is answered or put back", role=self._role)

    def release_all(self) -> None:
        """Nothing is held any more."""
        for place in tuple(self._held):
            self.release(place)

    def _hold(self, place: Place, failure: Failure) -> None:
        if not self._held:
            _log.critical(
                "role paused: too many dead letters by faults of our own; mend what the last one names. What waits is"
                " tried again at least once a minute, and goes on as soon as that works, or after a restart",
                role=self._role,
                max_dead_letters=self._faults.max_dead_letters,
                window_seconds=self._window_seconds,
                cause=failure.cause,
                message=failure.message,
                place=place,
            )
        self._held.add(place)
