"""Which dead letters belong to which video, so that a deletion reaches them."""

from __future__ import annotations

import re
from typing import Any, Final

from redis.asyncio import Redis

from streams.store.keys import Keys

_VIDEO_ID: Final = re.compile(rb"^[A-Za-z0-9._:~-]{1,128}\Z")


class LetterIndex:
    """The partition of every letter of a video, by the key of its record.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        kept_seconds: at least as long as letters are kept.
    """

    def __init__(self, redis: Redis, keys: Keys, kept_seconds: float) -> None:
        self._redis = redis
        self._keys = keys
        self._kept_seconds = int(kept_seconds)

    async def add(self, key: bytes, partition: int, *, within: Any = None) -> None:
        """Remember a letter under the video that its source's key named, where it named one.

        Args:
            key: of the letter's record, see `letter_key`.
            partition: of that record.
            within: a pipeline to be executed by the caller; None writes at once.
        """
        video_id = key.rpartition(b"#")[0]
        if not _VIDEO_ID.match(video_id):
            return
        pipeline = within if within is not None else self._redis.pipeline(transaction=True)
        index = self._keys.letters(video_id.decode())
        pipeline.hset(index, key, partition)
        pipeline.expire(index, self._kept_seconds)
        if within is None:
            await pipeline.execute()

    async def letters(self, video_id: str) -> dict[bytes, int]:
        """Partition of each letter's record, by its key."""
        found: dict[Any, Any] = await self._redis.hgetall(self._keys.letters(video_id))
        return {key.encode() if isinstance(key, str) else key: int(partition) for key, partition in found.items()}

    async def drop(self, video_id: str, key: bytes) -> None:
        """Forget a letter."""
        await self._redis.hdel(self._keys.letters(video_id), key)


def letter_key(source_key: bytes | None, letter_id: str) -> bytes:
    """Key of a letter's record: the source's own key, and its id, so that it alone can be taken back."""
    return (source_key or b"") + b"#" + letter_id.encode()
