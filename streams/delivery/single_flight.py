"""Single flight: a redelivered event joins the work that still runs, instead of starting it twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from streams.lifecycle.cancellation import cancel_all


class SingleFlight:
    """Running work by name.

    After a drain timeout, an event may be redelivered to the same worker while its work still runs.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._running)

    async def join(self, name: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work`, or wait for the running work of that name; raise what it raises.

        The work continues if a caller is cancelled; `cancel` ends it.
        """
        task = self._running.get(name)
        if task is None:
            task = asyncio.ensure_future(_run(work))
            self._running[name] = task
            task.add_done_callback(lambda _: self._running.pop(name, None))
        await asyncio.shield(task)

    async def cancel(self) -> None:
        """Cancel all work and wait until it has ended."""
        await cancel_all(self._running.values())


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()
