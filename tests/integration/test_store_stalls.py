"""Exits of stuck workers are remembered in Redis, by machine, for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from streams.store.keys import Keys
from streams.store.stalls import REMEMBERED_SECONDS, StallMemory


def run(redis_url: str, work: Callable[[Redis], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with Redis.from_url(redis_url) as redis:
            await work(redis)

    asyncio.run(connected())


class TestStallMemory:
    def test_exits_are_counted_by_machine_and_forgotten(self, redis_url: str) -> None:
        """A successor on the same machine finds them, another machine does not; they end by themselves, too."""

        async def work(redis: Redis) -> None:
            key = Keys("p.").stalls("host-1")
            memory, other = StallMemory(redis, key), StallMemory(redis, Keys("p.").stalls("host-2"))
            assert await memory.num_recent() == 0
            await memory.note()
            await memory.note()
            assert (await StallMemory(redis, key).num_recent(), await other.num_recent()) == (2, 0)
            assert 0 < await redis.ttl(key) <= REMEMBERED_SECONDS
            await memory.forget()
            assert await memory.num_recent() == 0

        run(redis_url, work)
