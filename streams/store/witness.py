"""Whether the store still knows what it confirmed: asked at every new connection, before anything else is.

A Redis that failed over to a lagging replica, or was restored from a copy, has forgotten writes. Folding on would raise
the applied offset of a video above facts that were lost with them, and their redelivery would then change nothing. What
Redis keeps is a prefix of what it did, so if the last confirmed folds are there, all of them are.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from redis.exceptions import RedisError

_REMEMBERED: Final = 32
"""Folds confirmed last; more than can be confirmed in another order than they were done."""


class StoreWentBack(RedisError):
    """The store misses what it had confirmed; a worker that starts again reads on where the store stands."""


class Witness:
    """The last folds that the store confirmed to this worker."""

    def __init__(self) -> None:
        self._confirmed: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def confirm(self, key: str, place: tuple[int, int]) -> None:
        """Remember that a state hash was written with a generation of the log and an applied offset."""
        self._confirmed[key] = max(place, self._confirmed.get(key, place))
        self._confirmed.move_to_end(key)
        if len(self._confirmed) > _REMEMBERED:
            self._confirmed.popitem(last=False)

    async def greet(self, connection: Any) -> None:
        """Open a connection and ask after what was confirmed. Raises StoreWentBack."""
        await connection.on_connect()
        for key, place in list(self._confirmed.items()):
            await connection.send_command("HMGET", key, "log_generation", "applied_offset")
            generation, offset = await connection.read_response()
            if generation is None or (int(generation), int(offset)) < place:
                found = None if generation is None else (int(generation), int(offset))
                raise StoreWentBack(
                    f"the store confirmed {place} for {key!r} and now has {found}: it went back in time"
                )
