"""Servers are asked although no video waits for them: often while they are unavailable, seldom while they answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from operators.errors import Overloaded, ServerUnavailable
from streams.analysis.server_reaching import ASK_EVERY_SECONDS, keep_reaching
from streams.delivery.breaker import BETWEEN_TRIES, Breakers
from tests.fakes import ManualClock

ORIGIN = "http://127.0.0.1:1"


@dataclass
class FakeModels:
    """Models of one server, with what each attempt finds."""

    error: Exception | None = None
    asked: list[str] = field(default_factory=list)
    breakers: Breakers | None = None

    def models_by_server(self) -> dict[str, list[str]]:
        return {ORIGIN: ["one", "two"]}

    async def reach(self, models: Sequence[str], *, asks_anyway: bool = False) -> None:
        assert asks_anyway
        self.asked += models
        if self.error is not None:
            if self.breakers is not None:
                self.breakers.failed(ORIGIN)
            raise self.error

    def server_problems(self) -> tuple[str, ...]:
        return () if self.error is None else (str(self.error),)


@asynccontextmanager
async def reaching(models: FakeModels) -> AsyncIterator[ManualClock]:
    clock = ManualClock()
    breakers = Breakers(clock)
    models.breakers = breakers if isinstance(models.error, ServerUnavailable) else None
    task = asyncio.create_task(keep_reaching(models, breakers, clock))
    await clock.wait_for_sleepers(1)
    try:
        yield clock
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_one_that_answers() -> None:
    """Every model, once in that time."""
    models = FakeModels()
    async with reaching(models) as clock:
        clock.advance(ASK_EVERY_SECONDS - 1.0)
        await asyncio.sleep(0)
        assert models.asked == []
        clock.advance(1.0)
        await clock.wait_for_sleepers(1)
        assert models.asked == ["one", "two"]


@pytest.mark.parametrize("error", [ServerUnavailable(ORIGIN, "gone"), Overloaded("no room")])
async def test_one_that_is_unavailable(error: Exception) -> None:
    """At once and again, all models although the first is unavailable, and ever less often; the ordinary time returns
    with its answer."""
    models = FakeModels(error)
    async with reaching(models) as clock:
        clock.advance(BETWEEN_TRIES.first_seconds)
        await clock.wait_for_sleepers(1)
        assert models.asked == ["one", "two"]
        for _ in range(20):
            clock.advance(BETWEEN_TRIES.limit_seconds)
            await clock.wait_for_sleepers(1)
        assert len(models.asked) >= 20
        assert models.breakers is None or models.breakers.is_open(ORIGIN)
        models.error = None
        clock.advance(BETWEEN_TRIES.limit_seconds)
        await clock.wait_for_sleepers(1)
        if models.breakers is not None:
            models.breakers.answered(ORIGIN)
        clock.advance(BETWEEN_TRIES.limit_seconds)
        await clock.wait_for_sleepers(1)
        num_asked = len(models.asked)
        clock.advance(ASK_EVERY_SECONDS - 1.0)
        await asyncio.sleep(0)
        assert len(models.asked) == num_asked


async def test_no_server() -> None:
    """A worker without servers has nothing to do."""

    class NoModels(FakeModels):
        def models_by_server(self) -> dict[str, list[str]]:
            return {}

    clock = ManualClock()
    await asyncio.wait_for(keep_reaching(NoModels(), Breakers(clock), clock), 5.0)
