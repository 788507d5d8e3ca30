"""Extends the claim on a due entry while its work lasts, for example while the broker is unavailable."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final

from streams.lifecycle.clock import Clock
from streams.store.deadlines import Deadline, Deadlines

CLAIM_SECONDS: Final = 10.0
"""How late what is due may be where the worker that claimed it dies."""


async def held(entry: Deadline, deadlines: Deadlines, clock: Clock, work: Coroutine[Any, Any, None]) -> Deadline:
    """Do the work, and lengthen the claim while it lasts; return the entry as it then stands.

    Args:
        entry: as it was claimed.
        deadlines: where it is registered.
        clock: paces the renewals.
        work: awaited to its end; raises what it raises.
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
    """Whether the work ends before it is time to lengthen the claim. Raises what it raises."""
    pause = asyncio.ensure_future(clock.sleep(CLAIM_SECONDS / 3))
    try:
        await asyncio.wait({working, pause}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pause.cancel()
    if working.done():
        working.result()
    return working.done()
