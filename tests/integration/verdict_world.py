"""A small world for the verdict role: one partition of the log, workers that a test moves step by step, a real Redis.

Every call of a worker to the store or to the broker waits at its gate until the test lets exactly that call through.
So a test decides how workers interleave, and between which two steps one dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.asyncio import Redis

from schemas.facts import Fact
from schemas.outcomes import Outcome, Version
from schemas.topics import Topic
from streams.decision.cost import Prices
from streams.decision.policy_file import load_policy
from streams.decision.ruleset import Ruleset
from streams.decision.state import VideoState
from streams.record import Place
from streams.store.deadlines import Deadline, Deadlines
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.stored_case import StoredVideo
from streams.verdict.forgetting import Forgetting
from streams.verdict.role import VerdictRole
from tests.fakes import ManualClock, MemoryPublisher
from tests.sample_facts import log_record

Result = TypeVar("Result")

RULESET = Ruleset(
    policy=load_policy(None),
    prices=Prices(usd_per_cpu_hour=1.0, usd_per_device_hour=1.0, watts_per_cpu_core=1.0, watts_per_device=1.0),
    log_generation=0,
)
TOMBSTONE_REPEAT_SECONDS = 120.0
_TURNS_OF_THE_LOOP = 12
"""More than any chain of callbacks between two calls of a worker."""


async def settle() -> None:
    """Let every task run until it waits for a gate or for real input."""
    for _ in range(_TURNS_OF_THE_LOOP):
        await asyncio.sleep(0)


@dataclass
class Gate:
    """Holds each call of one worker until the test lets it through."""

    waiting: list[tuple[str, asyncio.Future[None], asyncio.Future[None]]] = field(default_factory=list)

    async def call(self, name: str, work: Callable[[], Awaitable[Result]]) -> Result:
        loop = asyncio.get_running_loop()
        opened, done = loop.create_future(), loop.create_future()
        self.waiting.append((name, opened, done))
        await opened
        try:
            return await work()
        finally:
            done.set_result(None)

    async def let_through(self, index: int = 0) -> str:
        """Open for one waiting call and wait until it has ended; return its name."""
        name, opened, done = self.waiting.pop(index % len(self.waiting))
        if not opened.done():
            opened.set_result(None)
            await done
        await settle()
        return name


class GatedOutcomes(Outcomes):
    """The real store behind a gate."""

    gate: Gate

    async def read(self, video_id: str, for_fact: Place | None = None) -> StoredVideo:
        return await self.gate.call("read", lambda: super(GatedOutcomes, self).read(video_id, for_fact))

    async def replace(
        self, video_id: str, before: VideoState | None, after: VideoState, outcome: Outcome | None
    ) -> bool:
        return await self.gate.call(
            "replace", lambda: super(GatedOutcomes, self).replace(video_id, before, after, outcome)
        )

    async def mark_published(self, video_id: str, version: Version) -> bool:
        return await self.gate.call("mark", lambda: super(GatedOutcomes, self).mark_published(video_id, version))


class GatedDeadlines(Deadlines):
    """The real deadlines behind a gate."""

    gate: Gate

    async def register(self, deadline: Deadline) -> None:
        await self.gate.call("register", lambda: super(GatedDeadlines, self).register(deadline))

    async def drop(self, video_id: str, revision: int) -> None:
        await self.gate.call("drop", lambda: super(GatedDeadlines, self).drop(video_id, revision))


@dataclass
class GatedPublisher:
    """The broker behind a gate."""

    broker: MemoryPublisher
    gate: Gate

    async def publish(self, topic: Topic, key: str, event: Any, *, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        name = f"publish {topic.name}"
        await self.gate.call(name, lambda: self.broker.publish(topic, key, event, headers=headers))


def forgetting_of(redis: Redis, keys: Keys, broker: MemoryPublisher) -> Forgetting:
    """What a deletion needs, without a gate."""
    return Forgetting(Deadlines(redis, keys, keys.tombstones()), broker, TOMBSTONE_REPEAT_SECONDS)


class Worker:
    """A verdict role that consumes the partition from some offset on."""

    def __init__(self, redis: Redis, keys: Keys, broker: MemoryPublisher, clock: ManualClock, cursor: int) -> None:
        self.gate = Gate()
        self.cursor = cursor
        self.finished: set[int] = set()
        outcomes, deadlines = GatedOutcomes(redis, keys), GatedDeadlines(redis, keys)
        outcomes.gate = deadlines.gate = self.gate
        tombstones = GatedDeadlines(redis, keys, keys.tombstones())
        tombstones.gate = self.gate
        forgetting = Forgetting(tombstones, broker, TOMBSTONE_REPEAT_SECONDS)
        publisher = GatedPublisher(broker, self.gate)
        self.role = VerdictRole(outcomes, deadlines, publisher, RULESET, clock, forgetting)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_busy(self) -> bool:
        return bool(self.gate.waiting)

    def take(self, log: Sequence[Fact]) -> None:
        """Consume the next record."""
        self._tasks.append(asyncio.ensure_future(self._finish(self.cursor, log[self.cursor])))
        self.cursor += 1

    async def die(self) -> None:
        """Cease between two calls; what was let through before has happened."""
        for task in self._tasks:
            task.cancel()
        await self.role.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.gate.waiting.clear()

    async def end_work(self) -> None:
        """Let everything through until nothing is left, and raise what a task raised."""
        await settle()
        while self.is_busy:
            await self.gate.let_through()
        await asyncio.gather(*self._tasks)

    async def _finish(self, offset: int, fact: Fact) -> None:
        await self.role.run(log_record(fact, offset))
        self.finished.add(offset)


def committable(start: int, finished: set[int]) -> int:
    """End of the contiguous prefix of finished offsets that begins at `start`."""
    while start in finished:
        start += 1
    return start


def run_now(runner: asyncio.Runner, coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a step of the world from a test that is not async."""
    return runner.run(coroutine)
