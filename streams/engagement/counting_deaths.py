"""In Redis, the deaths of workers over engagement events of one partition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis

from streams.engagement.batch_board import NO_SUSPECTS, CountedRange, Suspects
from streams.lifecycle.own_deaths import EndKind, OwnDeaths
from streams.store.key_repair import HASH, repaired
from streams.store.keys import Keys

_KEPT_SECONDS: Final = 7 * 86_400
"""As long as attempt counts."""


def suspects_of(fields: Mapping[bytes, bytes]) -> Suspects | None:
    """Decode the stored deaths; None if invalid."""
    known = {b"unsure": b"0", **fields}  # absent where a former release noted them
    numbers = [known.get(name, b"") for name in (b"first", b"last", b"deaths", b"unsure")]
    if not all(number.isdigit() for number in numbers):
        return None
    first, last, num_crashes, num_unsure = map(int, numbers)
    return Suspects(first, last, OwnDeaths(num_crashes, num_unsure))


async def note_counting_death(redis: Redis, keys: Keys, found: CountedRange, end: EndKind) -> None:
    """Record that the worker died by itself while it counted these; called by its parent process."""
    name = keys.engagement_deaths(found.topic, found.partition)
    fields: Any = await repaired(redis, {name: HASH}, lambda: redis.hgetall(name))
    after = (suspects_of(fields) or NO_SUSPECTS).after_death(found, end)
    deaths = after.deaths
    numbers: dict[Any, Any] = {
        "first": after.first,
        "last": after.last,
        "deaths": deaths.num_crashes,
        "unsure": deaths.num_unsure,
    }
    await redis.hset(name, mapping=numbers)
    await redis.expire(name, _KEPT_SECONDS)
