"""Counts recent exits of stalled workers on this machine: the next worker waits longer."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from streams.store.key_repair import COUNT, repaired

REMEMBERED_SECONDS: Final = 3_600
"""Retention after the last exit."""


class StallMemory:
    """Counts exits in Redis, where a successor finds them.

    Args:
        redis: the store; its commands must have a time limit.
        key: of this machine.
    """

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    async def num_recent(self) -> int:
        """Return the exits since the last pause of an hour, or since `forget`."""
        found = await repaired(self._redis, {self._key: COUNT}, lambda: self._redis.get(self._key))
        return int(found) if found is not None and found.isdigit() else 0

    async def note(self) -> None:
        """Count an exit."""
        await repaired(self._redis, {self._key: COUNT}, self._note)

    async def _note(self) -> None:
        async with self._redis.pipeline(transaction=True) as both:  # a count without an expiry would stay forever
            both.incr(self._key)
            both.expire(self._key, REMEMBERED_SECONDS)
            await both.execute()

    async def forget(self) -> None:
        """Reset the count: the machine's workers have made progress for long enough."""
        await self._redis.delete(self._key)
