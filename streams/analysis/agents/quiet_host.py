"""Host threads of the backfill role."""

from __future__ import annotations

from collections.abc import Callable

from streams.analysis.agents.analysis import HostThreads, Result
from streams.delivery.live_priority_gate import LivePriorityGate


class QuietHost:
    """Starts work only while the gate is quiet; implements `HostThreads`.

    Args:
        threads: run the work.
        gate: decides when work may start.
    """

    def __init__(self, threads: HostThreads, gate: LivePriorityGate) -> None:
        self._threads = threads
        self._gate = gate

    async def run(self, work: Callable[[], Result]) -> tuple[Result, float]:
        """See `HostThreads.run`."""
        await self._gate.until_quiet()
        return await self._threads.run(work)
