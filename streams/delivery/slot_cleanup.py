"""Cleanup after the last agent has left an event, and the end of its attempt count."""

from __future__ import annotations

import asyncio

from streams.delivery.admission import Slot
from streams.delivery.attempts import Attempts


class SlotCleanup:
    """Runs concurrently with the work, so that no event waits for it.

    Args:
        attempts: the attempt counts; None if none are kept.
    """

    def __init__(self, attempts: Attempts | None) -> None:
        self._attempts = attempts
        self._running: set[asyncio.Task[None]] = set()

    def settle(self, slot: Slot) -> None:
        """Settle the count: it stays after a crash, is undone for a cancelled or deferred event, and removed for any
        other."""
        task = asyncio.ensure_future(self._settle(slot))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self, timeout_seconds: float) -> None:
        """Wait for running cleanups; a cleanup that is not finished in time counts as an unclean exit."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_seconds)

    async def _settle(self, slot: Slot) -> None:
        await slot.close()
        if self._attempts is None or slot.has_crashed:
            return
        if slot.was_cancelled or slot.deferred:
            await self._attempts.withdraw(slot.place, was_exclusive=slot.is_exclusive)
        else:
            await self._attempts.end(slot.place)
