"""Extends the claim on a due entry while its work lasts, for example while the broker is unavailable."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final

from streams.lifecycle.clock import Clock
from streams.store.deadlines import Deadline, Deadlines

CLAIM_SECONDS: Final = 10.0
"""Maximum delay of a due entry if the worker that claimed it dies."""


async def held(entry: Deadline, deadlines: Deadlines, clock: Clock, work: Coroutine[Any, Any, None]) -> Deadline:
    """Do the work, and extend the claim while it runs; return the entry with its current due time.

    Args:
        entry: as it was claimed.
        deadlines: where it is registered.
        clock: times the renewals.
        work: awaited to its end; its errors are raised.
    """
    working = asyncio.ensure_future(work)
    try:
        while not await _ends(working, clock):
            until = clock.now_unix_seconds() + CLAIM_SECONDS
            if await deadlines.renew(entry, until):
                entry = replace(entry, due_unix_seconds=until)
        return entry
    finally:
        working.cancel()


async def _ends(working: asyncio.Future[None], clock: Clock) -> bool:
    """Return whether the work ends before the claim must be extended. Raises its errors."""
    pause = asyncio.ensure_future(clock.sleep(CLAIM_SECONDS / 3))
    try:
        await asyncio.wait({working, pause}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pause.cancel()
    if working.done():
        working.result()
    return working.done()
