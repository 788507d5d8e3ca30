"""Polls for due entries: each is handled, and only then removed. Deadlines become records of the log; tombstones of
deletions are written once more.

Every verdict worker polls, and claims an entry before it handles it. When a worker dies, its claims expire and other
workers find the entries. What it published is then published again, which changes nothing, because the fold uses the
first.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from streams.lifecycle.clock import Clock
from streams.store.deadlines import Deadline, Deadlines
from streams.store.outcomes import Outcomes
from streams.store.shared_faults import count_or_raise
from streams.store.stored_case import UnreadableState
from streams.verdict.due_claim import CLAIM_SECONDS
from streams.verdict.passed_deadlines import PassedDeadlines
from streams.verdict.publishing import EventPublisher
from streams.verdict.withdrawal import Withdrawal

_log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
"""Mean interval between two polls of a worker, and the longest delay of a provisional verdict after its deadline."""

_AT_ONCE = 256


Fire = Callable[[Deadline], Awaitable[Deadline | None]]
"""Handles a due entry; may run again for the same entry. Returns the entry with its current due time, which is then
removed; None leaves it until its claim ends."""


class DuePoller:
    """Handles due entries, and removes each only afterwards.

    Args:
        deadlines: registered entries, by due time.
        fire: awaited for each due entry.
        clock: determines what is due, and times the polls.
    """

    def __init__(self, deadlines: Deadlines, fire: Fire, clock: Clock) -> None:
        self._deadlines = deadlines
        self._fire = fire
        self._clock = clock

    async def run(self) -> None:
        """Poll until cancelled. The intervals vary, so that workers that started together do not poll at the same
        time."""
        while True:
            await self._clock.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))
            await self.poll()

    async def poll(self) -> int:
        """Handle and remove all due entries that nobody else claimed; return their number."""
        done = 0
        while True:
            now_unix_seconds = self._clock.now_unix_seconds()
            claimed = await self._deadlines.claim(now_unix_seconds, seconds=CLAIM_SECONDS, limit=_AT_ONCE)
            done += sum(await asyncio.gather(*(self._fire_and_remove(deadline) for deadline in claimed)))
            if len(claimed) < _AT_ONCE:
                return done

    async def _fire_and_remove(self, claimed: Deadline) -> bool:
        fired = await self._fired(claimed)
        if fired is not None:
            await self._deadlines.remove(fired)
        return fired is not None

    async def _fired(self, claimed: Deadline) -> Deadline | None:
        """Handle one entry; an error leaves it registered, and does not affect other entries."""
        try:
            return await self._fire(claimed)
        except UnreadableState as error:
            _log.warning("unreadable video state; due entry postponed", video_id=claimed.video_id, error=str(error))
            return None
        except Exception as error:
            count_or_raise(error, "sweep")
            _log.exception("due entry failed; postponed", video_id=claimed.video_id)
            return None


def deadline_poller(outcomes: Outcomes, deadlines: Deadlines, publisher: EventPublisher, clock: Clock) -> DuePoller:
    """Return a poller that publishes a fact for each deadline that passed."""
    return DuePoller(deadlines, PassedDeadlines(outcomes, deadlines, publisher, clock).fire, clock)


def tombstone_poller(withdrawal: Withdrawal, clock: Clock) -> DuePoller:
    """Withdraws deleted videos once more, for what a worker published that died late; also those whose deletion waits
    in a gap."""
    publishing = withdrawal.publishing

    async def fire(deletion: Deadline) -> Deadline:
        if not await withdrawal.again(deletion.video_id):
            await publishing.withdraw_again(deletion.video_id, deletion.revision)
        return deletion

    return DuePoller(publishing.forgetting.tombstones, fire, clock)
