"""Which dead letters belong to which video, so that a deletion reaches them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from schemas.facts import SourceOffset
from streams.store.compression import UnreadableBytes
from streams.store.dead_letter_partitions import partitions_by_key
from streams.store.deletion_reading import decode_deletion
from streams.store.key_repair import DELETION_MARKER, HASH, STRING, repaired
from streams.store.keys import Keys
from streams.store.scripts import script_text

if TYPE_CHECKING:
    from redis.asyncio import Redis

_VIDEO_ID: Final = re.compile(rb"^[A-Za-z0-9._:~-]{1,128}\Z")
_LONGEST_KEY_BYTES: Final = 1_024
"""Maximum length of a source's key that becomes part of a dead letter's key. A longer key names no video, and is
contained in the dead letter itself: twice, it could exceed the topic's size limit, and an event without a dead letter
ends its worker."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of an event that is given up."""

    revision: int | None = None
    """Revision that it concerns; None if it cannot be read."""
    place: SourceOffset | None = None
    """Log position of the event, or of its original if it was sent again."""


class DeadLetterIndex:
    """Index of the dead letters of each video: the partition by the key of the dead letter's record.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        kept_seconds: retention of the index; at least that of dead letters.
    """

    def __init__(self, redis: Redis, keys: Keys, kept_seconds: float) -> None:
        self._redis = redis
        self._keys = keys
        self._kept_seconds = int(kept_seconds)
        self._dead_letter = redis.register_script(script_text("dead_letter"))

    async def add(self, key: bytes, partition: int, event: Subject | None = None) -> bool:
        """Add a dead letter to the index of the video that its source's key names, if it names one.

        Args:
            key: of the dead letter's record, see `dead_letter_key`.
            partition: of that record.
            event: the event that was given up; None if unknown.

        Returns:
            Whether the event is deleted with its video: an earlier deletion did not find the dead letter, and the
                caller must withdraw it.
        """
        return await self._ask(key, partition, event)

    async def is_deleted(self, key: bytes, event: Subject | None = None) -> bool:
        """Return whether the event of a dead letter that is about to be written is deleted with its video."""
        return await self._ask(key, "", event)

    async def _ask(self, key: bytes, partition: int | str, event: Subject | None) -> bool:
        video_id = key.rpartition(b"#")[0]
        if not _VIDEO_ID.match(video_id):
            return False
        names = [
            name(video_id.decode()) for name in (self._keys.letters, self._keys.deletion_marker, self._keys.deletion)
        ]
        broken = dict(zip(names, (HASH, DELETION_MARKER, STRING), strict=True))
        arguments = [key, partition, self._kept_seconds]
        deletion_marker, deletion = await repaired(
            self._redis, broken, lambda: self._dead_letter(keys=names, args=arguments)
        )
        return is_reached(deletion_marker, deletion, event or Subject())

    async def dead_letters(self, video_id: str) -> dict[bytes, int]:
        """Return the partition of each dead letter's record, by its key."""
        name = self._keys.letters(video_id)
        found: dict[Any, Any] = await repaired(self._redis, {name: HASH}, lambda: self._redis.hgetall(name))
        return partitions_by_key(found)

    async def drop(self, key: bytes) -> None:
        """Remove a dead letter from the index."""
        name = self._keys.letters(key.rpartition(b"#")[0].decode())
        await repaired(self._redis, {name: HASH}, lambda: self._redis.hdel(name, key))


def is_reached(deletion_marker: bytes | None, deletion: bytes | None, event: Subject) -> bool:
    """Return whether a deletion covers an event: by log position, otherwise by revision, otherwise always."""
    if deletion_marker is None or not deletion_marker.isdigit():  # a deletion marker that is not a number has no effect
        return False
    before = _before(deletion)
    if event.revision is not None and event.revision <= int(deletion_marker):
        return True
    if before is not None and event.place is not None and _is_comparable(event.place, before):
        return event.place.offset <= before.offset
    return event.revision is None


def _before(deletion: bytes | None) -> SourceOffset | None:
    try:
        return None if deletion is None else decode_deletion(deletion).before
    except UnreadableBytes:
        return None


def _is_comparable(place: SourceOffset, other: SourceOffset) -> bool:
    """Return whether both positions are in one partition; topic ids are unknown here and not compared."""
    return (place.topic, place.partition) == (other.topic, other.partition)


def dead_letter_key(source_key: bytes | None, dead_letter_id: str) -> bytes:
    """Return the key of a dead letter's record: the source's key, unless it is very long, and the dead letter's id, so
    that each dead letter can be withdrawn separately."""
    own_key = source_key or b""
    return (own_key if len(own_key) <= _LONGEST_KEY_BYTES else b"") + b"#" + dead_letter_id.encode()
