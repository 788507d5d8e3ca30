"""The verdict role at the limit on dead letters by internal faults: it holds facts instead of draining the log."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.facts import Failure
from streams.delivery.held_events import HeldEvents
from streams.record import Place, Record
from streams.verdict.boundary import FoldBoundary
from tests.fakes import ManualClock
from tests.sample_facts import accepted

pytestmark = pytest.mark.usefixtures("silent_logs")

LIMIT = 2
WINDOW_SECONDS = 600.0


@dataclass
class World:
    """A boundary whose work fails for as long as there is a fault."""

    fault: Exception | None = field(default_factory=lambda: ValueError("a bug"))
    waiting: list[str] = field(default_factory=list)
    dead_letters: list[int] = field(default_factory=list)
    folded: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.held = HeldEvents("verdict", self.clock, max_dead_letters=LIMIT, window_seconds=WINDOW_SECONDS)
        told: Any = self
        self.boundary = FoldBoundary(told, told, self.clock, 0, self.held)

    async def read(self, video_id: str) -> None:
        del video_id

    async def wait(self, fact: Any, now_unix_seconds: float) -> bool:
        del now_unix_seconds
        self.waiting.append(fact.video_id)
        return True

    async def write(self, record: Record, failure: Failure, *, role: str, attempts: int = 1, **_: Any) -> None:
        assert (failure.cause, role) == ("internal-error", "verdict")
        del attempts
        self.dead_letters.append(record.place.offset)

    def begin(self, offset: int) -> asyncio.Task[None]:
        record = Record(Place("video.signals", 0, offset), b"v", b"{}", (), 1.0, 1)

        async def work() -> None:
            if self.fault is not None:
                raise self.fault
            self.folded.append(offset)

        return asyncio.ensure_future(self.boundary.answer(accepted(video_id=f"v{offset}"), record, work))

    async def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1.0)
            for _ in range(20):
                await asyncio.sleep(0)


async def test_past_the_limit_facts_are_held_and_folded_once_the_fault_is_gone() -> None:
    """A release that cannot fold anything writes as many dead letters as the limit, and no video more gets a gap."""
    world = World()
    tasks = [world.begin(offset) for offset in range(6)]
    await world.pass_time(120)
    assert sorted(world.dead_letters) == [0, 1]
    assert len(world.waiting) == LIMIT
    assert world.held.is_paused
    world.fault = None
    await world.pass_time(120)
    await asyncio.gather(*tasks)
    assert sorted(world.folded) == [2, 3, 4, 5]
    assert not world.held.is_paused


async def test_the_window_lets_as_many_go_again() -> None:
    """What is still failing after the window is given up, the limit's number of it."""
    world = World()
    tasks = [world.begin(offset) for offset in range(6)]
    await world.pass_time(WINDOW_SECONDS + 130)
    assert len(world.dead_letters) == 2 * LIMIT
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_is_put_back_is_held_no_more() -> None:
    """A rebalance or a stop cancels held facts; they are redelivered."""
    world = World()
    tasks = [world.begin(offset) for offset in range(4)]
    await world.pass_time(30)
    assert world.held.is_paused
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not world.held.is_paused
    assert len(world.dead_letters) == LIMIT
