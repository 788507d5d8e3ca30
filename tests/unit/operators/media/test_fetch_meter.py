"""Counting the CPU time of what is awaited."""

from __future__ import annotations

import asyncio
import time

import pytest

from operators.media.fetch_meter import FetchMeter


def burn(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


class TestFetchMeter:
    async def test_counts_own_steps_and_not_what_runs_between(self) -> None:
        """Another task's work on the loop meanwhile is that task's."""

        async def fetch() -> str:
            burn(0.05)
            await asyncio.sleep(0.01)
            burn(0.05)
            return "media"

        async def other() -> None:
            burn(0.5)

        total = FetchMeter()
        meter = FetchMeter(total)
        beside = asyncio.create_task(other())
        assert await meter.counted(fetch()) == "media"
        await beside
        assert 0.1 <= meter.cpu_seconds < 0.5
        assert total.cpu_seconds == pytest.approx(meter.cpu_seconds)

    async def test_failures_and_cancellations_pass_through(self) -> None:
        """The work sees a cancellation where it waits, and may tidy up; its own errors come out as they are."""
        tidied = []

        async def waits() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                tidied.append(True)

        async def fails() -> None:
            raise ValueError("gone")

        meter = FetchMeter()
        task = asyncio.create_task(meter.counted(waits()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert tidied == [True]
        with pytest.raises(ValueError, match="gone"):
            await meter.counted(fails())

    async def test_a_time_limit_holds(self) -> None:
        """`asyncio.timeout` works by cancelling, so it works through the meter."""
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await FetchMeter().counted(asyncio.sleep(60))
