"""Whether the store still knows what it confirmed: asked at every new connection, before anything else is.

A Redis that failed over to a lagging replica, or was restored from a copy, has forgotten writes. Folding on would raise
the applied offset of a video above facts that were lost with them, and their redelivery would then change nothing. What
Redis keeps is a prefix of what it did, so if the last confirmed folds are there, all of them are.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from redis.exceptions import RedisError

from streams.clock import Clock, SystemClock

_REMEMBERED: Final = 32
"""Folds confirmed last; more than can be confirmed in another order than they were done."""
_KEPT_SECONDS: Final = 43_200.0
"""Every state is kept longer than that; one that is gone later may have come to its end."""


class StoreWentBack(RedisError):
    """The store misses what it had confirmed; a worker that starts again reads on where the store stands."""


class Witness:
    """The last folds that the store confirmed to this worker."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._confirmed: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._confirmed_seconds: dict[str, float] = {}

    def confirm(self, key: str, place: tuple[int, int]) -> None:
        """Remember that a state hash was written with a generation of the log and an applied offset."""
        self._confirmed[key] = max(place, self._confirmed.get(key, place))
        self._confirmed.move_to_end(key)
        self._confirmed_seconds[key] = self._clock.monotonic_seconds()
        if len(self._confirmed) > _REMEMBERED:
            oldest, _ = self._confirmed.popitem(last=False)
            del self._confirmed_seconds[oldest]

    async def greet(self, connection: Any) -> None:
        """Open a connection and ask after what was confirmed. Raises StoreWentBack."""
        await connection.on_connect()
        for key, place in list(self._confirmed.items()):
            await connection.send_command("HMGET", key, "log_generation", "applied_offset")
            generation, offset = await connection.read_response()
            found = None if generation is None else (int(generation), int(offset))
            if (found is None and not self._may_have_ended(key)) or (found is not None and found < place):
                raise StoreWentBack(
                    f"the store confirmed {place} for {key!r} and now has {found}: it went back in time"
                )

    def _may_have_ended(self, key: str) -> bool:
        return self._clock.monotonic_seconds() - self._confirmed_seconds[key] > _KEPT_SECONDS
