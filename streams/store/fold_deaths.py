"""In Redis, the deaths of processes over each fact, from the first until the fact is folded without one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import Redis

from streams.lifecycle.fold_board import FoldBoard
from streams.lifecycle.own_deaths import EndKind, OwnDeaths
from streams.record import Place
from streams.store.gap import text_of
from streams.store.key_repair import HASH, repaired
from streams.store.keys import Keys

_KEPT_SECONDS: Final = 7 * 86_400
"""After the last death in a partition."""
_NUM_NUMBERS: Final = 2


class FactDeaths:
    """Counts of deaths by the fact that was being folded, in one hash for each partition of the log.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def note(self, place: Place, end: EndKind) -> OwnDeaths:
        """Count a death over a fact; return all since the fact was last folded."""
        name = self._keys.fold_deaths(place.topic, place.partition)
        known: Any = await repaired(self._redis, {name: HASH}, lambda: self._redis.hget(name, place.offset))
        deaths = _deaths(known).after(end)
        await self._redis.hset(name, place.offset, f"{deaths.num_crashes},{deaths.num_unsure}")
        await self._redis.expire(name, _KEPT_SECONDS)
        return deaths

    async def suspects(self, topic: str, partition: int) -> frozenset[int]:
        """Return the offsets of facts over which a process died."""
        name = self._keys.fold_deaths(topic, partition)
        fields: Mapping[bytes, bytes] = await repaired(self._redis, {name: HASH}, lambda: self._redis.hgetall(name))
        return frozenset(int(offset) for offset in fields if offset.isdigit())

    async def survived(self, topic: str, partition: int, offsets: Collection[int]) -> None:
        """Reset the counts of facts that were folded without a death."""
        if offsets:
            await self._redis.hdel(self._keys.fold_deaths(topic, partition), *offsets)


@dataclass(frozen=True, slots=True)
class FoldWatch:
    """Finds facts that end the process which folds them."""

    board: FoldBoard = field(default_factory=FoldBoard)
    """Names each fact while it is folded."""
    deaths: FactDeaths | None = None
    """None where no parent process records deaths."""

    async def suspects(self, topic: str, partition: int) -> frozenset[int]:
        """Return the offsets of facts over which a process died."""
        return frozenset() if self.deaths is None else await self.deaths.suspects(topic, partition)

    async def survived(self, topic: str, partition: int, offsets: Collection[int]) -> None:
        """Reset the counts of facts that were folded without a death."""
        if self.deaths is not None:
            await self.deaths.survived(topic, partition, offsets)


def _deaths(value: bytes | str | None) -> OwnDeaths:
    """Decode a count; invalid ones begin again."""
    numbers = text_of(value or "").split(",")
    if len(numbers) != _NUM_NUMBERS or not all(number.isascii() and number.isdigit() for number in numbers):
        return OwnDeaths()
    return OwnDeaths(*(int(number) for number in numbers))
