"""Whether the store still knows what it confirmed: asked at every new connection, before anything else is.

A Redis that failed over to a lagging replica, or was restored from a copy, has forgotten writes. Folding on would raise
the applied offset of a video above facts that were lost with them, and their redelivery would then change nothing. What
Redis keeps is a prefix of what it did, so if the last confirmed folds are there, all of them are.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final, NamedTuple

from redis.exceptions import RedisError

from streams.clock import Clock, SystemClock

_REMEMBERED: Final = 32
"""Folds confirmed last; more than can be confirmed in another order than they were done."""
_KEPT_SECONDS: Final = 43_200.0
"""Every state is kept longer than that; one that is gone later may have come to its end."""


class StoreWentBack(RedisError):
    """The store misses what it had confirmed; a worker that starts again reads on where the store stands."""


class _Confirmed(NamedTuple):
    """Generation of the log and applied offset, and when the store last gave its word."""

    place: tuple[int, int]
    at_seconds: float


class Witness:
    """The last folds that the store confirmed to this worker."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._confirmed: OrderedDict[str, _Confirmed] = OrderedDict()

    def confirm(self, key: str, place: tuple[int, int]) -> None:
        """Remember that a state hash was written with a generation of the log and an applied offset."""
        known = self._confirmed.get(key)
        furthest = place if known is None else max(place, known.place)
        self._confirmed[key] = _Confirmed(furthest, self._clock.monotonic_seconds())
        self._confirmed.move_to_end(key)
        if len(self._confirmed) > _REMEMBERED:
            self._confirmed.popitem(last=False)

    async def greet(self, connection: Any) -> None:
        """Open a connection and ask after what was confirmed. Raises StoreWentBack."""
        await connection.on_connect()
        for key, (place, at_seconds) in list(self._confirmed.items()):
            await connection.send_command("HMGET", key, "log_generation", "applied_offset")
            generation, offset = await connection.read_response()
            found = None if generation is None else (int(generation), int(offset))
            went_back = not self._may_have_ended(at_seconds) if found is None else found < place
            if went_back:
                raise StoreWentBack(
                    f"the store confirmed {place} for {key!r} and now has {found}: it went back in time"
                )

    def _may_have_ended(self, at_seconds: float) -> bool:
        return self._clock.monotonic_seconds() - at_seconds > _KEPT_SECONDS
