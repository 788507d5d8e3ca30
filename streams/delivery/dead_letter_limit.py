"""A limit on dead letters by internal faults in one role: above it the role pauses instead of draining its topic.

`streams.delivery.own_faults` defines what counts. While paused, the role keeps its partitions and admits one event at a
time, at growing intervals, like a half-open circuit breaker. The first event with a result ends the pause. Counted dead
letters count until the window has passed, so the limit holds in any case. Why: `docs/decisions`, 0020.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

import structlog

from operators.errors import MachineUnavailable
from schemas.facts import Failure
from streams.delivery.admission import Slot
from streams.delivery.own_faults import OwnFaults
from streams.lifecycle.backoff import Backoff
from streams.lifecycle.clock import Clock
from streams.record import Place

BETWEEN_PROBES: Final = Backoff(first_seconds=2.0, limit_seconds=60.0)
_PROBES_A_RETURN: Final = 4
"""One of this number of probes is a returning event if new ones wait, too."""

_log = structlog.get_logger(__name__)


class RolePaused(MachineUnavailable):
    """The limit is reached: the event is not given up, and waits until it may be tried as a probe."""


class DeadLetterLimit:
    """The limit of one role in one worker; a `streams.delivery.admission.AdmissionGate`.

    Args:
        role: for logs.
        clock: for the window and the time between probes.
        max_dead_letters: by internal faults within the window; 0 disables the limit.
        window_seconds: how long a dead letter counts.
        backoff: times between probes.
    """

    def __init__(
        self,
        role: str,
        clock: Clock,
        *,
        max_dead_letters: int,
        window_seconds: float,
        backoff: Backoff = BETWEEN_PROBES,
    ) -> None:
        self._role = role
        self._clock = clock
        self._window_seconds = window_seconds
        self._backoff = backoff
        self._faults = OwnFaults(clock, max_dead_letters, window_seconds)
        self._failed: set[Place] = set()
        """Events that wait to be tried as a probe, or failed as one."""
        self._probe: Place | None = None
        self._num_probes = 0
        """Number of probes in this pause."""
        self._delays: Iterator[float] = iter(())
        self._waking: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []
        self.is_paused = False

    @property
    def is_open(self) -> bool:
        """Whether an event may start: always, or during a pause when a probe is due."""
        return not self.is_paused or (self._waking is None and self._probe is None)

    @property
    def wants_new(self) -> bool:
        """Whether the next probe should be a new event, as most are: an event that failed before may fail each time."""
        return self.is_paused and self._num_probes % _PROBES_A_RETURN != _PROBES_A_RETURN - 1

    def listen(self, changed: Callable[[], None]) -> None:
        """See `AdmissionGate`."""
        self._listeners.append(changed)

    def begun(self, place: Place) -> None:
        """Note that an event was admitted."""
        if self.is_paused:
            self._probe = place
            self._num_probes += 1

    def require_room(self, place: Place, failure: Failure) -> None:
        """Return if an event may be given up; this holds for every agent of the event.

        Raises:
            RolePaused: the limit is reached, now or before.
        """
        if self._faults.is_free(place, failure):
            return
        if self.is_paused or self._faults.is_full:
            self._failed.add(place)
            self._pause(failure)
            raise RolePaused(f"role {self._role}", f"paused at the limit on dead letters of our own fault: {failure}")
        self._faults.count(place)

    def left(self, slot: Slot) -> None:
        """Note that an event has left its slot; the result of a probe decides whether the pause continues."""
        place, has_failed = slot.place, slot.place in self._failed
        self._failed.discard(place)
        if place != self._probe:
            return
        self._probe = None
        if has_failed:
            self._wait()
        elif slot.has_result:
            self._resume()
        else:
            self._changed()  # put back, or refused for its sender's fault: no result, so the next probe is admitted

    def _pause(self, failure: Failure) -> None:
        if self.is_paused:
            return
        self.is_paused, self._num_probes = True, 0
        self._delays = self._backoff.delays()
        self._wait()
        _log.critical(
            "role paused: too many dead letters by internal faults; fix the cause of the last one. One event at a time"
            " is tried, and the first with a result resumes the role; so does a restart. Then redrive",
            role=self._role,
            max_dead_letters=self._faults.max_dead_letters,
            window_seconds=self._window_seconds,
            cause=failure.cause,
            message=failure.message,
        )

    def _resume(self) -> None:
        self.is_paused = False
        _log.warning("role resumed: a probe event got its result", role=self._role)
        self._changed()

    def _wait(self) -> None:
        self._waking = asyncio.ensure_future(self._wake(next(self._delays)))

    async def _wake(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._waking = None
        self._changed()

    def _changed(self) -> None:
        for changed in self._listeners:
            changed()
