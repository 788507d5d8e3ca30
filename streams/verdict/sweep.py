"""Sweeps: what is due is said, and only then taken off the list.

Deadlines become records of the log; deletions get their tombstones once more.

Every verdict worker sweeps. Two that find the same deadline publish it twice, which changes nothing: the fold takes the
first. A worker that dies between publishing and removing leaves it to be published again, which changes nothing either.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from schemas.facts import DeadlinePassed
from schemas.topics import SIGNALS
from schemas.wire import event_headers
from streams import metrics
from streams.clock import Clock
from streams.store.deadlines import Deadline, Deadlines
from streams.store.outcomes import Outcomes
from streams.tracing import spans
from streams.verdict.role import SOURCE, EventPublisher, Forgetting, publish_tombstones

SWEEP_SECONDS = 1.0
"""Mean pause between two sweeps of a worker; how late a provisional verdict may be beside the deadline itself."""

_AT_ONCE = 256


Fire = Callable[[Deadline], Awaitable[None]]
"""Says what is due; may run again for the same entry."""


class Sweep:
    """Fires what is due, and only then forgets it.

    Args:
        deadlines: what waits, by due time.
        fire: awaited for each entry that is due.
        clock: tells what is due, and paces the sweeps.
    """

    def __init__(self, deadlines: Deadlines, fire: Fire, clock: Clock) -> None:
        self._deadlines = deadlines
        self._fire = fire
        self._clock = clock

    async def run(self) -> None:
        """Sweep until cancelled. The pauses vary, so that workers which started together spread out."""
        while True:
            await self._clock.sleep(SWEEP_SECONDS * random.uniform(0.5, 1.5))
            await self.sweep()

    async def sweep(self) -> int:
        """Publish and remove all that is due now; return how many that were."""
        fired = 0
        while True:
            due = await self._deadlines.due(self._clock.now_unix_seconds(), limit=_AT_ONCE)
            await asyncio.gather(*(self._fire_and_remove(deadline) for deadline in due))
            fired += len(due)
            if len(due) < _AT_ONCE:
                return fired

    async def _fire_and_remove(self, deadline: Deadline) -> None:
        await self._fire(deadline)
        await self._deadlines.remove(deadline)


def deadline_sweep(deadlines: Deadlines, publisher: EventPublisher, clock: Clock) -> Sweep:
    """The sweep that says in the log which decision budgets ran out."""

    async def fire(deadline: Deadline) -> None:
        fact = DeadlinePassed(
            video_id=deadline.video_id,
            revision=deadline.revision,
            deadline_unix_seconds=deadline.due_unix_seconds,
        )
        with spans.span("deadline"):  # begins a trace: what is due knows its video, not its trace
            headers = event_headers(
                fact, event_id=f"{fact.video_id}:{fact.revision}:deadline", source=SOURCE,
                now_unix_seconds=clock.now_unix_seconds(), span=spans.traceparent(),
            )  # fmt: skip
            await publisher.publish(SIGNALS, fact.video_id, fact, headers=headers)
        metrics.DEADLINES_FIRED.inc()

    return Sweep(deadlines, fire, clock)


def tombstone_sweep(outcomes: Outcomes, forgetting: Forgetting, publisher: EventPublisher, clock: Clock) -> Sweep:
    """The sweep that writes tombstones once more, and takes back dead letters that came late."""

    async def fire(deletion: Deadline) -> None:
        version = (await outcomes.read(deletion.video_id)).forgotten_version
        if version is not None and version.revision >= deletion.revision:
            await publish_tombstones(publisher, deletion.video_id)
            await forgetting.letters.take_back(deletion.video_id)

    return Sweep(forgetting.tombstones, fire, clock)
