"""When the backfill lane may work in this process: never beside live videos, and not while an operator paused it.

Three things are shared with the media role of the same worker, and each is given up while a live video is in flight:
new videos are not begun, the device takes no items of the lane, and host threads take none of its work. A batch or a
piece of work that runs ends first. What a decoder process does meanwhile costs nobody anything: it has the lowest
priority.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final

from operators.inference.request_context import Lane
from streams.lifecycle.clock import Clock

LOOK_SECONDS: Final = 0.05
"""How long after its arrival a live video may find the device open to the lane."""
QUIET_SECONDS: Final = 0.5
"""After the last live video left: its verdict is still on its way, and the next one often comes close behind."""
PAUSE_SECONDS: Final = 1.0
"""Between two looks at the operator's flag."""


class LivePriorityGate:
    """Watches the live lane of this worker.

    Args:
        num_live: live videos in flight in this worker; always 0 where the media role does not run here.
        beside_live: as many of them the lane works beside.
        hold: keeps a lane off the device, or with None lets all go.
        clock: for waits.
    """

    def __init__(
        self, *, num_live: Callable[[], int], beside_live: int, hold: Callable[[Lane | None], None], clock: Clock
    ) -> None:
        self.is_paused = False
        """By an operator: nothing new is begun, what is in flight ends."""
        self._num_live = num_live
        self._beside_live = beside_live
        self._hold = hold
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()
        self._was_open = True
        self._busy_until_seconds = -math.inf

    @property
    def is_quiet(self) -> bool:
        """Whether few enough live videos are in flight, and have been for a moment."""
        now_seconds = self._clock.monotonic_seconds()
        if self._num_live() > self._beside_live:
            self._busy_until_seconds = now_seconds + QUIET_SECONDS
        return now_seconds >= self._busy_until_seconds

    @property
    def is_open(self) -> bool:
        """Whether a video may be begun."""
        return self.is_quiet and not self.is_paused

    def listen(self, changed: Callable[[], None]) -> None:
        """See `streams.delivery.admission.AdmissionGate`."""
        self._listeners.append(changed)

    async def until_quiet(self) -> None:
        """Return when a piece of the lane's work may begin."""
        while not self.is_quiet:
            self.look()
            await self._is_quiet.wait()

    def look(self) -> None:
        """Hold or let go, and tell who waits."""
        if self.is_quiet is not self._is_quiet.is_set():
            self._settle(is_quiet=self.is_quiet)
        if self.is_open and not self._was_open:
            for changed in self._listeners:
                changed()
        self._was_open = self.is_open

    async def watch(self) -> None:
        """Look until cancelled; then let go of what is in flight, which a stopping worker waits for."""
        try:
            while True:
                self.look()
                await self._clock.sleep(LOOK_SECONDS)
        finally:
            self._num_live, self._busy_until_seconds = lambda: 0, -math.inf
            self._settle(is_quiet=True)

    async def watch_pause(self, ask: Callable[[], Awaitable[bool]]) -> None:
        """Ask again and again whether an operator paused the lane."""
        while True:
            self.is_paused = await ask()
            await self._clock.sleep(PAUSE_SECONDS)

    def _settle(self, *, is_quiet: bool) -> None:
        self._hold(None if is_quiet else "backfill")
        if is_quiet:
            self._is_quiet.set()
        else:
            self._is_quiet.clear()
