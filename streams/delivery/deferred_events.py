"""Deferred events: their media source is unavailable. They keep their offset uncommitted and release their slot.

So one unavailable source never blocks the media of others. Their number is limited: above the limit events wait inside
their slots, and backpressure reaches Kafka.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

import structlog

from operators.errors import MachineUnavailable, ServerUnavailable, SourceUnavailable
from streams.delivery.admission import Slot
from streams.delivery.breaker import Breakers
from streams.delivery.dead_letter_limit import RolePaused
from streams.lifecycle.backoff import Backoff
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.record import Place, Record

BETWEEN_RETURNS: Final = Backoff(first_seconds=2.0, limit_seconds=60.0)
MIN_OUTAGE_TIMEOUT_SECONDS: Final = 600.0
"""Minimum outage timeout of an event that is already old when it leaves the backlog, so that a short outage does not
fail it."""


_log = structlog.get_logger(__name__)


class DeferredEvent:
    """One deferred event, shared by those of its agents that need its media."""

    def __init__(self) -> None:
        self.has_room = asyncio.Event()
        """Set when the event may leave its slot."""
        self.may_return = asyncio.Event()
        """Set when it is time to try again, or with `is_over`."""
        self.is_over = False
        """The generation has ended: the event is redelivered, here or elsewhere."""

    def end(self) -> None:
        """Wake all agents without a result."""
        self.is_over = True
        self.has_room.set()
        self.may_return.set()


class DeferredEvents:
    """The deferred events of one app.

    Args:
        breakers: decide when an origin may be requested again.
        clock: for waits and timeouts.
        capacity: maximum number of events that wait without a slot.
        timeout_seconds: from the broker's timestamp of an event until its media is given up.
        backoff: between two attempts of one event whose origin answers others.
    """

    def __init__(
        self,
        breakers: Breakers,
        clock: Clock,
        *,
        capacity: int,
        timeout_seconds: float,
        backoff: Backoff = BETWEEN_RETURNS,
    ) -> None:
        self._breakers = breakers
        self._clock = clock
        self._room = asyncio.Semaphore(capacity)
        self._timeout_seconds = timeout_seconds
        self._backoff = backoff
        self._deferred: dict[Place, DeferredEvent] = {}
        self._waits: set[asyncio.Task[None]] = set()
        self._since: dict[Place, float] = {}
        self._delays: dict[Place, Iterator[float]] = {}

    @property
    def num_deferred(self) -> int:
        """Number of waiting events, including those inside their slots."""
        return len(self._deferred)

    @property
    def is_crowded(self) -> bool:
        """Whether events wait inside their slots; then a role without progress is not stalled."""
        return any(not deferred.has_room.is_set() for deferred in self._deferred.values())

    def may_wait_for(self, record: Record) -> bool:
        """Return whether the outage timeout of the record's media has not expired."""
        return self._clock.now_unix_seconds() < self._gives_up_at(record)

    def defer_event(self, record: Record, slot: Slot, unavailable: SourceUnavailable) -> DeferredEvent:
        """Let one agent of the event wait; all agents of the event wait together."""
        deferred = self._deferred.get(record.place)
        if deferred is None:
            deferred = self._deferred[record.place] = DeferredEvent()
            metrics.RETRIES.labels("source").inc()
            what = "model server" if isinstance(unavailable, ServerUnavailable) else "media source"
            _log.info(
                f"{what} unavailable; event deferred",
                origin=unavailable.origin,
                message=unavailable.message,
                place=record.place,
            )
            wait = asyncio.create_task(self._wait(deferred, record, slot, unavailable))
            self._waits.add(wait)
            wait.add_done_callback(self._waits.discard)
        return deferred

    def forget(self, place: Place) -> None:
        """Forget an event that was answered."""
        self._since.pop(place, None)
        self._delays.pop(place, None)

    def end(self) -> None:
        """End the generation: no event waits any more."""
        for deferred in self._deferred.values():
            deferred.end()
        for wait in self._waits:
            wait.cancel()
        self._deferred.clear()
        self._since.clear()
        self._delays.clear()

    async def _wait(self, deferred: DeferredEvent, record: Record, slot: Slot, unavailable: SourceUnavailable) -> None:
        async with self._room:
            deferred.has_room.set()
            await slot.closed.wait()  # otherwise its agents would meet in it again, with the failed part
            await self._until_worth_trying(record, unavailable)
            del self._deferred[record.place]
            # Its room is free from now on: an event that waits for it holds the slot that this one needs.
            deferred.may_return.set()

    async def _until_worth_trying(self, record: Record, unavailable: SourceUnavailable) -> None:
        if isinstance(unavailable, RolePaused):
            await self._turn(record.place, unavailable)
            return
        left_seconds = self._gives_up_at(record) - self._clock.now_unix_seconds()
        waits = [
            asyncio.ensure_future(self._turn(record.place, unavailable)),
            asyncio.ensure_future(self._clock.sleep(max(0.0, left_seconds))),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _turn(self, place: Place, unavailable: SourceUnavailable) -> None:
        """Wait for the breaker if the origin is unavailable for all events; otherwise wait with the event's own
        backoff."""
        if isinstance(unavailable, MachineUnavailable) or not self._breakers.is_open(unavailable.origin):
            await self._clock.sleep(next(self._delays.setdefault(place, self._backoff.delays())))
        if not isinstance(unavailable, MachineUnavailable):
            await self._breakers.turn(unavailable.origin)

    def _gives_up_at(self, record: Record) -> float:
        since = self._since.setdefault(record.place, self._clock.now_unix_seconds())
        shortest = min(self._timeout_seconds, MIN_OUTAGE_TIMEOUT_SECONDS)
        return max(record.timestamp_unix_seconds + self._timeout_seconds, since + shortest)
