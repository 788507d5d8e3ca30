"""Applied offsets: how far the log is applied to Redis; a comparison with Kafka's commits detects lost or old data."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from redis.asyncio import Redis

from operators.internal_errors import SharedStateFault
from streams.store.keys import Keys
from streams.store.rollback_detector import RollbackDetector, StoreRolledBack
from streams.store.scripts import script_text

Partition = tuple[str, int]
"""Topic and partition number."""


class StoreBehindLog(SharedStateFault):
    """Redis lacks facts that the log no longer contains, or all facts; only a rebuild restores them."""


class AppliedOffsets:
    """Next offset that is not applied to Redis, per partition, of one group; it only grows.

    Args:
        redis: the store whose completeness is checked.
        keys: names under the stack's prefix.
        group: consumer group whose commits are compared.
        rollback_detector: remembers the offsets last read and written, for the partitions that this worker has.
    """

    def __init__(self, redis: Redis, keys: Keys, group: str, rollback_detector: RollbackDetector | None = None) -> None:
        self._redis = redis
        self._keys = keys
        self._group = group
        self._rollback_detector = rollback_detector or RollbackDetector()
        self._raise = redis.register_script(script_text("applied"))

    async def take(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Read the offsets of newly assigned partitions; from now on a lower value counts as a rollback."""
        found = await self.read(partitions)
        self._rollback_detector.take({self._key(partition): offset for partition, offset in found.items()})
        return found

    async def read(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the stored offsets; a partition without one is absent."""
        wanted = list(partitions)
        if not wanted:
            return {}
        stored = await self._redis.mget([self._key(partition) for partition in wanted])
        return {partition: _offset(partition, value) for partition, value in zip(wanted, stored, strict=True) if value}

    async def raise_to(self, offsets: Mapping[Partition, int]) -> None:
        """Raise the stored offsets to at least these; for code that filled the store."""
        await asyncio.gather(*(self._raised(self._key(place), "", offset) for place, offset in offsets.items()))

    async def write(self, offsets: Mapping[Partition, int]) -> None:
        """Store progress; called before the same offsets are committed to Kafka.

        Raises:
            StoreRolledBack: the store has a lower offset than this worker read or wrote, so facts before these offsets
                are missing.
        """
        await asyncio.gather(*(self._write(self._key(place), offset) for place, offset in offsets.items()))

    async def _write(self, key: str, offset: int) -> None:
        seen = self._rollback_detector.reached(key)
        found = await self._raised(key, "" if seen is None else seen, offset)
        if seen is not None and found < seen:
            raise StoreRolledBack.over(key, seen, None if found < 0 else found)
        self._rollback_detector.reach(key, found)

    async def _raised(self, key: str, seen: int | str, offset: int) -> int:
        return int(await self._raise(keys=[key], args=[seen, offset]))

    def _key(self, partition: Partition) -> str:
        return self._keys.applied(self._group, *partition)


def _offset(partition: Partition, value: bytes | str) -> int:
    """Decode an applied offset; all videos of its partition share it, so nothing can replace a broken one."""
    if not value.isdigit():
        raise StoreBehindLog(
            f"what Redis has as the applied offset of {_spell(partition)} is none: {value!r}. Remove the key and run "
            "`vidsignal rebuild`"
        )
    return int(value)


def resume_offset(partition: Partition, *, committed: int | None, applied: int | None, earliest: int) -> int | None:
    """Return where to continue reading so that Redis misses nothing, or None if Kafka's committed offset is right.

    Args:
        partition: for the message.
        committed: Kafka's committed offset of the group; None if it never committed.
        applied: the offset in Redis; None without one.
        earliest: first offset that is still in the log.

    Raises:
        StoreBehindLog: facts that Redis lacks are no longer in the log, or Redis has lost all of them.
    """
    if not committed:
        return None
    if applied is None:
        raise StoreBehindLog(
            f"Redis knows nothing of {_spell(partition)}, but the group has committed offset {committed}: the store "
            "was emptied or is another one. Run `vidsignal rebuild` to fill it again from the topics"
        )
    if applied >= committed:
        return None
    if applied < earliest:
        raise StoreBehindLog(
            f"Redis has applied {_spell(partition)} up to offset {applied}, the group has committed {committed}, and "
            f"the log begins at {earliest}: the store is an old copy and the log no longer reaches back to it. "
            "Run `vidsignal rebuild` to fill it again from the topics"
        )
    return applied


def _spell(partition: Partition) -> str:
    topic, number = partition
    return f"partition {number} of {topic}"
