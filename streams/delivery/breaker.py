"""Circuit breakers: who was unavailable again and again is asked rarely, by one event, until it answers."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from operators.errors import SourceUnavailable
from streams.lifecycle.backoff import Backoff
from streams.lifecycle.clock import Clock

FAILURES_TO_OPEN: Final = 3
BETWEEN_TRIES: Final = Backoff(first_seconds=1.0, limit_seconds=60.0)
LEASE_SECONDS: Final = 30.0
"""How long one try may take before another one is let through beside it."""
STAGGER_SECONDS: Final = 1.0
"""Between events that are sent to try: the first one has begun, or given up, before the next one looks."""
MAX_ORIGINS: Final = 10_000
"""Remembered; whoever may name hosts at will must not fill the memory."""


class Breaker:
    """One origin: closed while it answers, open once it failed too often in a row.

    Args:
        clock: for the times between tries.
        backoff: those times.
        failures_to_open: in a row.
    """

    def __init__(self, clock: Clock, backoff: Backoff, failures_to_open: int) -> None:
        self._clock = clock
        self._backoff = backoff
        self._failures_to_open = failures_to_open
        self._num_failures = 0
        self._delays: Iterator[float] = iter(())
        self._due_seconds = -math.inf
        self._sent_seconds = -math.inf
        self._queue = asyncio.Lock()
        self._closed = asyncio.Event()
        self._closed.set()

    @property
    def is_open(self) -> bool:
        """Whether it may be asked only now and then."""
        return not self._closed.is_set()

    def admits(self) -> bool:
        """Whether to ask now; while it is open, one try is admitted when its time has come."""
        now_seconds = self._clock.monotonic_seconds()
        if self.is_open and now_seconds < self._due_seconds:
            return False
        self._due_seconds = now_seconds + LEASE_SECONDS
        return True

    def failed(self) -> None:
        """It was asked and is unavailable."""
        self._num_failures += 1
        if self._num_failures < self._failures_to_open:
            return
        if not self.is_open:
            self._delays = self._backoff.delays()
            self._closed.clear()
        self._due_seconds = self._clock.monotonic_seconds() + next(self._delays)

    def answered(self) -> None:
        """It was asked and is there."""
        self._num_failures = 0
        self._closed.set()

    async def turn(self) -> None:
        """Return when it is closed or when it is time for one to try, in order of asking."""
        async with self._queue:
            while self.is_open and (left_seconds := self._next_seconds() - self._clock.monotonic_seconds()) > 0:
                await self._sleep_unless_closed(left_seconds)
            self._sent_seconds = self._clock.monotonic_seconds()

    def _next_seconds(self) -> float:
        return max(self._due_seconds, self._sent_seconds + STAGGER_SECONDS)

    async def _sleep_unless_closed(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._closed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


class Breakers:
    """The breakers of a process, by origin.

    Args:
        clock: for the times between tries.
        backoff: those times, of each origin.
        failures_to_open: in a row.
    """

    def __init__(
        self, clock: Clock, *, backoff: Backoff = BETWEEN_TRIES, failures_to_open: int = FAILURES_TO_OPEN
    ) -> None:
        self._clock = clock
        self._backoff = backoff
        self._failures_to_open = failures_to_open
        self._breakers: OrderedDict[str, Breaker] = OrderedDict()
        """Of origins that failed since they last answered, the latest failure last."""

    @property
    def num_open(self) -> int:
        """Origins that are unavailable."""
        return sum(breaker.is_open for breaker in self._breakers.values())

    def require(self, origin: str) -> None:
        """Raise SourceUnavailable where the origin is not to be asked now."""
        breaker = self._breakers.get(origin)
        if breaker is not None and not breaker.admits():
            raise SourceUnavailable(origin, "was away again and again, and is asked only now and then")

    def failed(self, origin: str) -> None:
        """The origin was asked and is unavailable."""
        breaker = self._breakers.setdefault(origin, Breaker(self._clock, self._backoff, self._failures_to_open))
        self._breakers.move_to_end(origin)
        breaker.failed()
        if len(self._breakers) > MAX_ORIGINS:
            self._breakers.popitem(last=False)

    def answered(self, origin: str) -> None:
        """The origin was asked and is there."""
        breaker = self._breakers.pop(origin, None)
        if breaker is not None:
            breaker.answered()

    def is_open(self, origin: str) -> bool:
        """Whether the origin is unavailable."""
        return origin in self._breakers and self._breakers[origin].is_open

    async def turn(self, origin: str) -> None:
        """Return when it makes sense to ask the origin; the one who asked for it first goes first."""
        if origin in self._breakers:
            await self._breakers[origin].turn()
