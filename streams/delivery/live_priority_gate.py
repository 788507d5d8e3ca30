"""When backfill may run in this process: not while live videos are in flight, and not while an operator has paused it.

Three resources are shared with the media role of the same worker, and backfill yields each while a live video is in
flight: no new backfill video starts, the device accepts no backfill items, and host threads start no backfill work. A
running batch or piece of work ends first. A backfill decoder process continues meanwhile: it has the lowest priority.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final

from operators.inference.request_context import Lane
from streams.lifecycle.clock import Clock

LOOK_SECONDS: Final = 0.05
"""Longest time after its arrival that a live video may find the device open to backfill."""
QUIET_SECONDS: Final = 0.5
"""Time after the last live video left: its verdict is still in progress, and the next one often follows soon."""
PAUSE_SECONDS: Final = 1.0
"""Time between two reads of the operator's flag."""


class LivePriorityGate:
    """Watches the live videos of this worker.

    Args:
        num_live: live videos in flight in this worker; always 0 if the media role does not run here.
        max_live: number of live videos during which backfill continues.
        hold: keeps a priority class off the device; None releases all.
        clock: for waits.
    """

    def __init__(
        self, *, num_live: Callable[[], int], max_live: int, hold: Callable[[Lane | None], None], clock: Clock
    ) -> None:
        self.is_paused = False
        """Paused by an operator: nothing new starts, work in flight ends."""
        self._num_live = num_live
        self._max_live = max_live
        self._hold = hold
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()
        self._was_open = True
        self._busy_until_seconds = -math.inf

    @property
    def is_quiet(self) -> bool:
        """Whether few enough live videos are in flight, and have been for `QUIET_SECONDS`."""
        now_seconds = self._clock.monotonic_seconds()
        if self._num_live() > self._max_live:
            self._busy_until_seconds = now_seconds + QUIET_SECONDS
        return now_seconds >= self._busy_until_seconds

    @property
    def is_open(self) -> bool:
        """Whether a backfill video may start."""
        return self.is_quiet and not self.is_paused

    def listen(self, changed: Callable[[], None]) -> None:
        """See `streams.delivery.admission.AdmissionGate`."""
        self._listeners.append(changed)

    async def until_quiet(self) -> None:
        """Return when a piece of backfill work may start."""
        while not self.is_quiet:
            self.look()
            await self._is_quiet.wait()

    def look(self) -> None:
        """Hold or release, and wake waiters."""
        if self.is_quiet is not self._is_quiet.is_set():
            self._settle(is_quiet=self.is_quiet)
        if self.is_open and not self._was_open:
            for changed in self._listeners:
                changed()
        self._was_open = self.is_open

    async def watch(self) -> None:
        """Check until cancelled; then release work in flight, which a stopping worker waits for."""
        try:
            while True:
                self.look()
                await self._clock.sleep(LOOK_SECONDS)
        finally:
            self._num_live, self._busy_until_seconds = lambda: 0, -math.inf
            self._settle(is_quiet=True)

    async def watch_pause(self, ask: Callable[[], Awaitable[bool]]) -> None:
        """Check repeatedly whether an operator paused backfill."""
        while True:
            self.is_paused = await ask()
            await self._clock.sleep(PAUSE_SECONDS)

    def _settle(self, *, is_quiet: bool) -> None:
        self._hold(None if is_quiet else "backfill")
        if is_quiet:
            self._is_quiet.set()
        else:
            self._is_quiet.clear()
