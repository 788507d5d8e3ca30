"""The deliveries of one role without a broker: records of one partition, a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.facts import Failure
from streams.delivery.admission import Admission, Slot
from streams.delivery.committable_offsets import CommittableOffsets
from streams.delivery.dead_letter_limit import DeadLetterLimit
from streams.delivery.deferred_events import DeferredEvents
from streams.delivery.delivery import Delivery, EventWork, RoleDelivery
from streams.delivery.event_retries import RetryRules
from streams.delivery.slot_cleanup import SlotCleanup
from streams.delivery.unfinished import UnfinishedEvents
from streams.lifecycle.fatal_error import FatalError
from streams.record import Place, Record
from tests.fakes import ManualClock

PARTITION = ("topic", 0)
NOW = 1_700_000_000.0
"""When records are published: the time of a clock that nobody moved."""


def record_at(offset: int = 0, generation: int = 1) -> Record:
    """A record of the only partition, published now."""
    return Record(Place(*PARTITION, offset), b"video", b"{}", (), NOW, generation)


async def settled(rounds: int = 100) -> None:
    """Let every other task run until it waits."""
    for _ in range(rounds):
        await asyncio.sleep(0)


@dataclass
class ScriptedWork:
    """Raises what the script says, one entry a run, then succeeds; or waits for a gate."""

    script: list[Exception] = field(default_factory=list)
    gate: asyncio.Event | None = None
    num_runs: int = 0
    failures: list[Failure] = field(default_factory=list)
    failing: Callable[[], Awaitable[None]] | None = None

    async def run(self, record: Record, slot: Slot) -> None:
        self.num_runs += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.script:
            raise self.script.pop(0)

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        self.failures.append(failure)


class OneRole:
    """A role's agents, the slots and offsets that they share, and what ends the process.

    Args:
        works: by agent.
        clock: of the role.
        slots: events at once.
        deferred_events: takes events whose media is unavailable; None where that is an answer.
        limit: on dead letters.
        device_fault_attempts: see `RetryRules`.
        internal_error_attempts: likewise.
        on_release: called with each slot that is given back; closes it unless a test says otherwise.
        shared: further fields of `RoleDelivery`.
    """

    def __init__(
        self,
        works: Mapping[str, EventWork],
        clock: ManualClock,
        *,
        slots: int = 4,
        deferred_events: DeferredEvents | None = None,
        limit: DeadLetterLimit | None = None,
        device_fault_attempts: int = 1,
        internal_error_attempts: int | None = None,
        on_release: Callable[[Slot], None] | None = None,
        **shared: Any,
    ) -> None:
        self.clock = clock
        self.tracked_offsets = CommittableOffsets(len(works))
        self.fatal_error = FatalError()
        self.unfinished = UnfinishedEvents("media", float("inf"), clock)
        on_suspend = deferred_events.end if deferred_events is not None else None
        release = on_release or SlotCleanup(None).settle
        self.admission = Admission(slots, tuple(works), release, on_suspend, None, limit)
        parts = RoleDelivery(
            RetryRules("media", device_fault_attempts, internal_error_attempts, deferred_events),
            self.admission,
            self.tracked_offsets,
            self.fatal_error,
            clock,
            shared.pop("unfinished", self.unfinished),
            limit=limit,
            **shared,
        )
        self.deliveries = [Delivery(agent, work, parts) for agent, work in works.items()]
        self._consumers: list[asyncio.Task[None]] = []
        self.begin(1)

    def begin(self, generation: int) -> None:
        """The group gives this member the partition."""
        self.admission.suspend()
        self.tracked_offsets.open([PARTITION], generation)
        self.admission.resume(generation)

    async def take(self, record: Record) -> None:
        """Deliver a record to all agents, as the consumer does."""
        self.tracked_offsets.deliver(PARTITION, record.place.offset)
        for delivery in self.deliveries:
            await delivery.take(record)

    async def publish(self, offsets: Iterable[int], generation: int = 1) -> None:
        """Hand records to every agent, each of which takes one after the other; then let everything run."""
        records = [record_at(offset, generation) for offset in offsets]

        async def consume(delivery: Delivery) -> None:
            for record in records:
                await delivery.take(record)

        for record in records:
            self.tracked_offsets.deliver(PARTITION, record.place.offset)
        self._consumers += [asyncio.create_task(consume(delivery)) for delivery in self.deliveries]
        await settled()

    async def pass_time(self, seconds: float, step_seconds: float) -> None:
        """Let time go by in steps, and everything run after each."""
        for _ in range(int(seconds / step_seconds)):
            self.clock.advance(step_seconds)
            await settled()

    async def close(self) -> None:
        """End everything, as at the end of a generation."""
        self.admission.suspend()
        for consumer in self._consumers:
            consumer.cancel()
        for delivery in self.deliveries:
            await delivery.cancel()

    @property
    def committable(self) -> int | None:
        """What may be committed of the partition."""
        return self.tracked_offsets.uncommitted().get(PARTITION)
