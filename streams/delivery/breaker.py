"""Circuit breakers: an origin that failed repeatedly is probed rarely, by one event, until it answers."""

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
"""Time limit of one probe before another one is admitted."""
STAGGER_SECONDS: Final = 1.0
"""Time between events that are woken to probe: the first has started, or given up, before the next one checks."""
MAX_ORIGINS: Final = 10_000
"""Maximum number of remembered origins; producers can name any number of hosts, and must not fill the memory."""


class Breaker:
    """The breaker of one origin: closed while it answers, open after too many failures in a row.

    Args:
        clock: for the times between probes.
        backoff: the times between probes.
        failures_to_open: failures in a row.
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
        """Whether only probes are admitted."""
        return not self._closed.is_set()

    def admits(self) -> bool:
        """Return whether a request is admitted now; while the breaker is open, one probe is admitted when it is due."""
        now_seconds = self._clock.monotonic_seconds()
        if self.is_open and now_seconds < self._due_seconds:
            return False
        self._due_seconds = now_seconds + LEASE_SECONDS
        return True

    def failed(self) -> None:
        """Note a failed request."""
        self._num_failures += 1
        if self._num_failures < self._failures_to_open:
            return
        if not self.is_open:
            self._delays = self._backoff.delays()
            self._closed.clear()
        self._due_seconds = self._clock.monotonic_seconds() + next(self._delays)

    def answered(self) -> None:
        """Note an answered request."""
        self._num_failures = 0
        self._closed.set()

    async def turn(self) -> None:
        """Return when the breaker is closed, or when it is this caller's turn to probe; callers wait in order."""
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
        clock: for the times between probes.
        backoff: the times between probes, for each origin.
        failures_to_open: failures in a row.
    """

    def __init__(
        self, clock: Clock, *, backoff: Backoff = BETWEEN_TRIES, failures_to_open: int = FAILURES_TO_OPEN
    ) -> None:
        self._clock = clock
        self._backoff = backoff
        self._failures_to_open = failures_to_open
        self._breakers: OrderedDict[str, Breaker] = OrderedDict()
        """Breakers of origins that failed since they last answered, the latest failure last."""

    @property
    def num_open(self) -> int:
        """Number of unavailable origins."""
        return sum(breaker.is_open for breaker in self._breakers.values())

    def require(self, origin: str) -> None:
        """Raise SourceUnavailable if the origin must not be requested now."""
        breaker = self._breakers.get(origin)
        if breaker is not None and not breaker.admits():
            raise SourceUnavailable(origin, "was unavailable several times, and is asked only now and then")

    def failed(self, origin: str) -> None:
        """Note that the origin was requested and is unavailable."""
        breaker = self._breakers.setdefault(origin, Breaker(self._clock, self._backoff, self._failures_to_open))
        self._breakers.move_to_end(origin)
        breaker.failed()
        if len(self._breakers) > MAX_ORIGINS:
            self._breakers.popitem(last=False)

    def answered(self, origin: str) -> None:
        """Note that the origin answered."""
        breaker = self._breakers.pop(origin, None)
        if breaker is not None:
            breaker.answered()

    def has_failed(self, origin: str) -> bool:
        """Return whether the origin failed since it last answered; callable from any thread."""
        return origin in self._breakers

    def is_open(self, origin: str) -> bool:
        """Return whether the origin is unavailable."""
        return origin in self._breakers and self._breakers[origin].is_open

    async def turn(self, origin: str) -> None:
        """Return when a request to the origin makes sense; callers wait in order."""
        if origin in self._breakers:
            await self._breakers[origin].turn()
