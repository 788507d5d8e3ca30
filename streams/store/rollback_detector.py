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
"""Time between two checks of `watch`: one command for all partitions."""
_REMEMBERED: Final = 32
"""Number of remembered folds; more than can be confirmed out of order."""
_KEPT_SECONDS: Final = 43_200.0
"""How long a fold is remembered. Every state is kept longer; a state that is gone later may have expired."""


_UNREADABLE: Final = (-1, -1)


class StoreRolledBack(SharedStateFault, RedisError):
    """The store lost writes that it had confirmed; a restarted worker resumes from the store's offset."""

    @classmethod
    def over(cls, key: str, confirmed: Any, found: Any) -> StoreRolledBack:
        """Return the error for one key, with the confirmed and the found value."""
        return cls(f"the store confirmed {confirmed} for {key!r} and now has {found}: it was rolled back")


class _Confirmed(NamedTuple):
    """Log epoch and applied offset, and the time of the store's last confirmation."""

    place: tuple[int, int]
    at_seconds: float


class RollbackDetector:
    """What the store last confirmed to this worker."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._confirmed: OrderedDict[str, _Confirmed] = OrderedDict()
        self._reached: dict[str, int] = {}
        """Applied offsets by key."""

    def take(self, reached: Mapping[str, int]) -> None:
        """Remember the applied offsets of the partitions that were just assigned, and no others."""
        self._reached = dict(reached)

    def reached(self, key: str) -> int | None:
        """Return the highest applied offset that the store is known to have had; None if unknown."""
        return self._reached.get(key)

    def reach(self, key: str, offset: int) -> None:
        """Remember an applied offset that the store reported."""
        self._reached[key] = max(offset, self._reached.get(key, offset))

    def confirm(self, key: str, place: tuple[int, int]) -> None:
        """Remember that a state hash was written with a log epoch and an applied offset."""
        known = self._confirmed.get(key)
        furthest = place if known is None else max(place, known.place)
        self._confirmed[key] = _Confirmed(furthest, self._clock.monotonic_seconds())
        self._confirmed.move_to_end(key)
        if len(self._confirmed) > _REMEMBERED:
            self._confirmed.popitem(last=False)

    async def check_connection(self, connection: Any) -> None:
        """Open a connection and check what was confirmed. Raises StoreRolledBack."""
        await connection.on_connect()
        reached = dict(self._reached)
        if reached:
            await connection.send_command("MGET", *reached)
            _require(reached, await connection.read_response())
        for key, (place, at_seconds) in list(self._confirmed.items()):
            await connection.send_command("HMGET", key, "log_generation", "applied_offset")
            found = await _place(connection)
            if found is _UNREADABLE:  # foreign content; the fold of the next fact detects it
                continue
            went_back = not self._may_have_ended(at_seconds) if found is None else found < place
            if went_back:
                raise StoreRolledBack.over(key, place, found)

    async def watch(self, redis: Redis) -> None:
        """Check the applied offsets repeatedly: without facts to fold, no other command would.

        States are not checked here: an expired state is gone although the store lost nothing.

        Raises:
            StoreRolledBack: the store has a lower offset than it had.
        """
        while True:
            await self._clock.sleep(WATCH_SECONDS)
            reached = dict(self._reached)
            if reached:
                _require(reached, await redis.mget(list(reached)))

    def _may_have_ended(self, at_seconds: float) -> bool:
        return self._clock.monotonic_seconds() - at_seconds > _KEPT_SECONDS


async def _place(connection: Any) -> tuple[int, int] | None:
    """Return the log epoch and offset of a state: None without a state, `_UNREADABLE` if it cannot be decoded."""
    try:
        generation, offset = await connection.read_response()
        return None if generation is None else (int(generation), int(offset))
    except (ResponseError, ValueError, TypeError):
        return _UNREADABLE


def _require(reached: Mapping[str, int], found: Sequence[bytes | str | None]) -> None:
    for (key, offset), value in zip(reached.items(), found, strict=True):
        if value is None or int(value) < offset:
            raise StoreRolledBack.over(key, offset, None if value is None else int(value))
