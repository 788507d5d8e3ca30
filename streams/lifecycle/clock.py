"""Injected time: all code that waits or takes timestamps uses a clock, so that tests never sleep."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for timestamps, monotonic time for durations, and a way to wait."""

    def now_unix_seconds(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""
        ...

    def monotonic_seconds(self) -> float:
        """Seconds that never decrease, from an arbitrary origin."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that long."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_unix_seconds(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""
        return time.time()

    def monotonic_seconds(self) -> float:
        """Seconds that never decrease, from an arbitrary origin."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that long."""
        await asyncio.sleep(seconds)
