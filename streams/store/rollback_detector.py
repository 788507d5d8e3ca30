"""Detects a Redis that was rolled back: checks at every new connection that confirmed writes are still there.

A Redis that failed over to a lagging replica, was restored from a backup, or was flushed has lost writes. If we
continued, the stored offset of a video would pass facts that the rollback lost, and redelivery would ignore them. Redis
persists writes in order, so it is enough to check the most recently confirmed writes.

Two kinds of writes are remembered: the applied offset of each assigned partition, from its assignment on, and the folds
that were confirmed last, which are newer than the applied offsets. So a worker that has not folded anything yet detects
a rollback, too. `watch` detects a rollback that closed no connection.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from operators.internal_errors import SharedStateFault
from streams.lifecycle.clock import Clock, SystemClock

WATCH_SECONDS: Final = 5.0
"""Between two questions of `watch`: one command for all partitions."""
_REMEMBERED: Final = 32
"""Folds confirmed last; more than can be confirmed in another order than they were done."""
_KEPT_SECONDS: Final = 43_200.0
"""Every state is kept longer than that; one that is gone later may have come to its end."""


_UNREADABLE: Final = (-1, -1)


class StoreRolledBack(SharedStateFault, RedisError):
    """The store misses what it had confirmed; a worker that starts again reads on where the store stands."""

    @classmethod
    def over(cls, key: str, confirmed: Any, found: Any) -> StoreRolledBack:
        """Of one key: what the store had confirmed, and what it has now."""
        return cls(f"the store confirmed {confirmed} for {key!r} and now has {found}: it was rolled back")


class _Confirmed(NamedTuple):
    """Generation of the log and applied offset, and when the store last gave its word."""

    place: tuple[int, int]
    at_seconds: float


class RollbackDetector:
    """What the store said last to this worker."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._confirmed: OrderedDict[str, _Confirmed] = OrderedDict()
        self._reached: dict[str, int] = {}
        """Applied offsets by their keys."""

    def take(self, reached: Mapping[str, int]) -> None:
        """Remember the applied offsets of the partitions that were just assigned, and no others."""
        self._reached = dict(reached)

    def reached(self, key: str) -> int | None:
        """The highest applied offset that the store is known to have had; None where none is known."""
        return self._reached.get(key)

    def reach(self, key: str, offset: int) -> None:
        """Remember an applied offset that the store said it has."""
        self._reached[key] = max(offset, self._reached.get(key, offset))

    def confirm(self, key: str, place: tuple[int, int]) -> None:
        """Remember that a state hash was written with a generation of the log and an applied offset."""
        known = self._confirmed.get(key)
        furthest = place if known is None else max(place, known.place)
        self._confirmed[key] = _Confirmed(furthest, self._clock.monotonic_seconds())
        self._confirmed.move_to_end(key)
        if len(self._confirmed) > _REMEMBERED:
            self._confirmed.popitem(last=False)

    async def check_connection(self, connection: Any) -> None:
        """Open a connection and ask after what was confirmed. Raises StoreRolledBack."""
        await connection.on_connect()
        reached = dict(self._reached)
        if reached:
            await connection.send_command("MGET", *reached)
            _require(reached, await connection.read_response())
        for key, (place, at_seconds) in list(self._confirmed.items()):
            await connection.send_command("HMGET", key, "log_generation", "applied_offset")
            found = await _place(connection)
            if found is _UNREADABLE:  # somebody wrote over it; whoever folds the next fact finds out
                continue
            went_back = not self._may_have_ended(at_seconds) if found is None else found < place
            if went_back:
                raise StoreRolledBack.over(key, place, found)

    async def watch(self, redis: Redis) -> None:
        """Ask again and again after the applied offsets: nobody else would ask while there is nothing to fold.

        States are not asked after here: an expired one is gone without the store having forgotten anything.

        Raises:
            StoreRolledBack: the store has less than it had.
        """
        while True:
            await self._clock.sleep(WATCH_SECONDS)
            reached = dict(self._reached)
            if reached:
                _require(reached, await redis.mget(list(reached)))

    def _may_have_ended(self, at_seconds: float) -> bool:
        return self._clock.monotonic_seconds() - at_seconds > _KEPT_SECONDS


async def _place(connection: Any) -> tuple[int, int] | None:
    """Where a state stands: None where there is none, `_UNREADABLE` where that cannot be read."""
    try:
        generation, offset = await connection.read_response()
        return None if generation is None else (int(generation), int(offset))
    except (ResponseError, ValueError, TypeError):
        return _UNREADABLE


def _require(reached: Mapping[str, int], found: Sequence[bytes | str | None]) -> None:
    for (key, offset), value in zip(reached.items(), found, strict=True):
        if value is None or int(value) < offset:
            raise StoreRolledBack.over(key, offset, None if value is None else int(value))
