"""Which dead letters belong to which video, so that a deletion reaches them."""

from __future__ import annotations

import re
from typing import Any, Final

from redis.asyncio import Redis

from streams.store.keys import Keys
from streams.store.scripts import script_text

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
        self._letter = redis.register_script(script_text("letter"))

    async def add(self, key: bytes, partition: int, revision: int | None = None) -> bool:
        """Remember a letter under the video that its source's key named, where it named one.

        Args:
            key: of the letter's record, see `letter_key`.
            partition: of that record.
            revision: that the event is about; None where that cannot be read.

        Returns:
            Whether the video is deleted: a deletion before this did not find the letter, and the caller withdraws it.
        """
        return await self._ask(key, partition, revision)

    async def is_deleted(self, key: bytes, revision: int | None = None) -> bool:
        """Whether the video is that a letter would be about."""
        return await self._ask(key, "", revision)

    async def _ask(self, key: bytes, partition: int | str, revision: int | None) -> bool:
        video_id = key.rpartition(b"#")[0]
        if not _VIDEO_ID.match(video_id):
            return False
        names = [self._keys.letters(video_id.decode()), self._keys.guard(video_id.decode())]
        asked = [key, partition, self._kept_seconds, "" if revision is None else revision]
        return bool(await self._letter(keys=names, args=asked))

    async def letters(self, video_id: str) -> dict[bytes, int]:
        """Partition of each letter's record, by its key."""
        found: dict[Any, Any] = await self._redis.hgetall(self._keys.letters(video_id))
        return {key.encode() if isinstance(key, str) else key: int(partition) for key, partition in found.items()}

    async def drop(self, key: bytes) -> None:
        """Forget a letter."""
        await self._redis.hdel(self._keys.letters(key.rpartition(b"#")[0].decode()), key)


def letter_key(source_key: bytes | None, letter_id: str) -> bytes:
    """Key of a letter's record: the source's own key, and its id, so that it alone can be taken back."""
    return (source_key or b"") + b"#" + letter_id.encode()
