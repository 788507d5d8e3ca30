"""Crash loops: how often work on an event ended with the process, kept where a dead process cannot lose it.

A process that dies takes everything down that was in flight, and mostly one event is to blame. So an event that was
there too often runs alone; only one that dies alone, twice, is given up. Kills from outside condemn nobody: what they
hit runs alone once and gets through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from streams.delivery.record import Place
from streams.store.keys import Keys

UNCLEAN_ENDS_BEFORE_ALONE: Final = 3
DEATHS_ALONE_BEFORE_GIVING_UP: Final = 2
_KEPT_SECONDS: Final = 7 * 86_400
"""As long as uploads are kept; a clean end removes the count at once."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of an event at the start of work on it."""

    unclean_ends: int
    deaths_alone: int

    @property
    def has_to_run_alone(self) -> bool:
        """It was there too often when a process died."""
        return self.unclean_ends >= UNCLEAN_ENDS_BEFORE_ALONE

    @property
    def is_hopeless(self) -> bool:
        """It killed its process with nothing else running."""
        return self.deaths_alone >= DEATHS_ALONE_BEFORE_GIVING_UP


class Attempts:
    """Counts of all events that are being worked on."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def begin(self, place: Place) -> Attempt:
        """Count a start, and say how earlier ones ended."""
        key = self._key(place)
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hincrby(key, "started", 1)
            pipeline.hget(key, "alone")
            pipeline.expire(key, _KEPT_SECONDS)
            started, alone, _ = await pipeline.execute()
        return Attempt(unclean_ends=started - 1, deaths_alone=int(alone or 0))

    async def begin_alone(self, place: Place) -> None:
        """Count that the event now runs with nothing else."""
        await self._redis.hincrby(self._key(place), "alone", 1)

    async def end(self, place: Place) -> None:
        """The event was answered: forget it."""
        await self._redis.delete(self._key(place))

    async def withdraw(self, place: Place, *, ran_alone: bool) -> None:
        """The event was put back in an orderly way: this start counts for nothing."""
        key = self._key(place)
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hincrby(key, "started", -1)
            if ran_alone:
                pipeline.hincrby(key, "alone", -1)
            await pipeline.execute()

    def _key(self, place: Place) -> str:
        return self._keys.attempts(place.topic, place.partition, place.offset)
