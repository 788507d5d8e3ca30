"""The sweep of deadlines: what is due becomes a `deadline` record of the log, and only then is forgotten.

Every verdict worker sweeps. Two that find the same deadline publish it twice, which changes nothing: the fold takes the
first. A worker that dies between publishing and removing leaves it to be published again, which changes nothing either.
"""

from __future__ import annotations

import asyncio
import random

from schemas.facts import DeadlinePassed
from schemas.topics import SIGNALS
from schemas.wire import event_headers
from streams import metrics
from streams.clock import Clock
from streams.store.deadlines import Deadline, Deadlines
from streams.verdict.role import SOURCE, EventPublisher

SWEEP_SECONDS = 1.0
"""Mean pause between two sweeps of a worker; how late a provisional verdict may be beside the deadline itself."""

_AT_ONCE = 256


class DeadlineSweep:
    """Publishes deadlines that are due."""

    def __init__(self, deadlines: Deadlines, publisher: EventPublisher, clock: Clock) -> None:
        self._deadlines = deadlines
        self._publisher = publisher
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
            await asyncio.gather(*(self._fire(deadline) for deadline in due))
            fired += len(due)
            if len(due) < _AT_ONCE:
                return fired

    async def _fire(self, deadline: Deadline) -> None:
        fact = DeadlinePassed(
            video_id=deadline.video_id,
            revision=deadline.revision,
            deadline_unix_seconds=deadline.due_unix_seconds,
        )
        headers = event_headers(
            fact, event_id=f"{fact.video_id}:{fact.revision}:deadline", source=SOURCE,
            now_unix_seconds=self._clock.now_unix_seconds(),
        )  # fmt: skip
        await self._publisher.publish(SIGNALS, fact.video_id, fact, headers=headers)
        metrics.DEADLINES_FIRED.inc()
        await self._deadlines.remove(deadline)
