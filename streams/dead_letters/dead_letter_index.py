"""Which dead letters belong to which video, so that a deletion reaches them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from schemas.facts import SourceOffset
from streams.store.compression import UnreadableBytes
from streams.store.dead_letter_partitions import partitions_by_key
from streams.store.deletion_reading import decode_deletion
from streams.store.key_repair import DELETION_MARKER, HASH, STRING, mended
from streams.store.keys import Keys
from streams.store.scripts import script_text

if TYPE_CHECKING:
    from redis.asyncio import Redis

_VIDEO_ID: Final = re.compile(rb"^[A-Za-z0-9._:~-]{1,128}\Z")
_LONGEST_KEY_BYTES: Final = 1_024
"""Of a source's key that a dead letter's record bears, too. A longer one names no video, and stands in the dead letter
itself: twice it could be more than the topic takes, and an event without a dead letter ends its worker."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of an event that is given up."""

    revision: int | None = None
    """That it is about; None where that cannot be read."""
    place: SourceOffset | None = None
    """Where it lies, or its original where it was sent again."""


class DeadLetterIndex:
    """The partition of every dead letter of a video, by the key of its record.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        kept_seconds: at least as long as dead letters are kept.
    """

    def __init__(self, redis: Redis, keys: Keys, kept_seconds: float) -> None:
        self._redis = redis
        self._keys = keys
        self._kept_seconds = int(kept_seconds)
        self._dead_letter = redis.register_script(script_text("dead_letter"))

    async def add(self, key: bytes, partition: int, event: Subject | None = None) -> bool:
        """Remember a dead letter under the video that its source's key named, where it named one.

        Args:
            key: of the dead letter's record, see `dead_letter_key`.
            partition: of that record.
            event: which the dead letter is about; None where that is not known.

        Returns:
            Whether the event is deleted with its video: a deletion before this did not find the dead letter, and the
            caller withdraws it.
        """
        return await self._ask(key, partition, event)

    async def is_deleted(self, key: bytes, event: Subject | None = None) -> bool:
        """Whether the event that a dead letter would be about is deleted with its video."""
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
        deletion_marker, deletion = await mended(
            self._redis, broken, lambda: self._dead_letter(keys=names, args=arguments)
        )
        return is_reached(deletion_marker, deletion, event or Subject())

    async def dead_letters(self, video_id: str) -> dict[bytes, int]:
        """Partition of each dead letter's record, by its key."""
        name = self._keys.letters(video_id)
        found: dict[Any, Any] = await mended(self._redis, {name: HASH}, lambda: self._redis.hgetall(name))
        return partitions_by_key(found)

    async def drop(self, key: bytes) -> None:
        """Forget a dead letter."""
        name = self._keys.letters(key.rpartition(b"#")[0].decode())
        await mended(self._redis, {name: HASH}, lambda: self._redis.hdel(name, key))


def is_reached(deletion_marker: bytes | None, deletion: bytes | None, event: Subject) -> bool:
    """Whether a deletion takes an event with it: by place among the uploads, else by revision, else in any case."""
    if deletion_marker is None or not deletion_marker.isdigit():  # one that is no number guards nothing any more
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
    """Whether both are of one partition; who gives an event up does not ask for the topic's id."""
    return (place.topic, place.partition) == (other.topic, other.partition)


def dead_letter_key(source_key: bytes | None, dead_letter_id: str) -> bytes:
    """Key of a dead letter's record: the source's own key, unless it is very long, and the dead letter's id, so that it
    alone can be taken back."""
    own_key = source_key or b""
    return (own_key if len(own_key) <= _LONGEST_KEY_BYTES else b"") + b"#" + dead_letter_id.encode()
