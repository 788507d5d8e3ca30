"""Reports refusals to senders, under the video id, without changing anything else that is known of the video.

A refusal is written after its dead letter is confirmed and before the dead letter's mark, so after a crash between the
two it is written again, under the same id. The step that writes it checks the video's deletion, so a refusal of a
deleted video does not appear again. A deletion removes earlier refusals by the same comparison, once its marker is set.
Uploads after the deletion are a new video, and their refusals are reported.

A flood of refusals with invented ids must not fill Redis at any rate, which a time to live alone would not prevent. So
`vs:refused` lists the videos with refusals, and above a limit the refusals of the videos that were refused longest ago
are removed. Their dead letters stay in the topic. After a crash between listing and removing, a key remains until it
expires.
"""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis

from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.facts import SourceOffset
from schemas.topics import BACKFILL, DEAD_LETTER, UPLOADED
from streams.dead_letters.dead_letter_index import Subject, is_reached
from streams.dead_letters.named_videos import named_videos
from streams.dead_letters.plain_text import plain_text
from streams.dead_letters.refusal_advice import advice_for
from streams.kafka.publisher import UNKNOWN_OFFSET
from streams.record import Record
from streams.store.key_repair import DELETION_MARKER, HASH, SORTED_SET, STRING, repaired
from streams.store.keys import Keys
from streams.store.refusal_reading import MOST_REFUSALS, Refusal, decode_refusals
from streams.store.scripts import script_text
from streams.uploads.places import claimed_place, original_place

DEFAULT_KEPT_SECONDS: Final = 7 * 86_400.0
"""Default retention of refusals."""
DEFAULT_MOST_VIDEOS: Final = 50_000
"""Default limit. A refusal needs at most about 1.5 kB: 75 MB if each video has one, 375 MB if each has the maximum."""
_MESSAGE_BYTES: Final = 600


class RefusedUploads:
    """Writes refusals.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        kept_seconds: retention after a video's last refusal.
        most_videos: maximum number of videos with refusals.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        kept_seconds: float = DEFAULT_KEPT_SECONDS,
        most_videos: int = DEFAULT_MOST_VIDEOS,
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._kept_seconds = int(kept_seconds)
        self._most_videos = most_videos
        self._refusal = redis.register_script(script_text("refusal"))

    async def note(self, record: Record, dead_letter: DeadLetter, dead_letter_offset: int, event: Subject) -> None:
        """Report an upload event that was given up; other events are ignored. May be repeated.

        Args:
            record: the event.
            dead_letter: its dead letter, which is confirmed.
            dead_letter_offset: in the partition with the same number as the event's; or `UNKNOWN_OFFSET`.
            event: compared with deletions.
        """
        if not record.place.topic.endswith((UPLOADED.name, BACKFILL.name)):
            return
        named = named_videos(record)
        refusal = _refusal(record, dead_letter, dead_letter_offset, event.revision or named.revision, self._keys.prefix)
        for video_id in named.video_ids:
            if await self._add(video_id, refusal, event):
                await self._list(video_id, refusal.refused_unix_seconds)

    async def forget(self, video_id: str) -> None:
        """Remove the refusals that a video's deletion covers, once its marker is set. May be repeated."""
        keys = self._keys
        broken = {
            keys.refusals(video_id): HASH,
            keys.deletion_marker(video_id): DELETION_MARKER,
            keys.deletion(video_id): STRING,
        }
        await repaired(self._redis, broken | {keys.refused(): SORTED_SET}, lambda: self._forgotten(video_id))

    async def _forgotten(self, video_id: str) -> None:
        keys = self._keys
        deletion_marker: Any = await self._redis.get(keys.deletion_marker(video_id))
        deletion: Any = await self._redis.get(keys.deletion(video_id))
        fields = await self._redis.hgetall(keys.refusals(video_id))
        kept = {
            found.dead_letter_id for found in decode_refusals(fields) if not _goes(found, deletion_marker, deletion)
        }
        gone = [name for name in fields if _text(name) not in kept]
        if gone:
            await self._redis.hdel(keys.refusals(video_id), *gone)
        if not kept:
            await self._redis.zrem(keys.refused(), video_id)

    async def _add(self, video_id: str, refusal: Refusal, event: Subject) -> bool:
        """Write the refusal and return True, unless a deletion of the video covers the event."""
        keys = self._keys
        names = [keys.refusals(video_id), keys.deletion_marker(video_id), keys.deletion(video_id)]
        said = (refusal.dead_letter_id, encode(refusal), MOST_REFUSALS, self._kept_seconds)
        deletion_marker, deletion = b"", b""
        while not is_reached(deletion_marker or None, deletion or None, event):
            is_written, deletion_marker, deletion = await self._written(names, [deletion_marker, deletion, *said])
            if is_written:
                return True
        return False

    async def _written(self, names: list[str], arguments: list[Any]) -> Any:
        broken = dict(zip(names, (HASH, DELETION_MARKER, STRING), strict=True))
        return await repaired(self._redis, broken, lambda: self._refusal(keys=names, args=arguments))

    async def _list(self, video_id: str, refused_unix_seconds: float) -> None:
        refused = self._keys.refused()
        await repaired(
            self._redis, {refused: SORTED_SET}, lambda: self._listed(refused, video_id, refused_unix_seconds)
        )

    async def _listed(self, refused: str, video_id: str, refused_unix_seconds: float) -> None:
        async with self._redis.pipeline(transaction=True) as listing:
            listing.zadd(refused, {video_id: refused_unix_seconds}, gt=True)
            listing.zremrangebyscore(refused, "-inf", refused_unix_seconds - self._kept_seconds)
            listing.expire(refused, self._kept_seconds)
            listing.zcard(refused)
            *_, number = await listing.execute()
        if number > self._most_videos:
            dropped: list[Any] = await self._redis.zpopmin(refused, number - self._most_videos)
            for name, _ in dropped:
                await self._redis.delete(self._keys.refusals(_text(name)))


def _goes(refusal: Refusal, deletion_marker: bytes | None, deletion: bytes | None) -> bool:
    """Return whether a deletion covers the refusal; refusals by intake have no valid revision, as when they were
    written."""
    revision = None if refusal.role == "intake" else refusal.revision
    return is_reached(deletion_marker, deletion, Subject(revision, refusal.upload))


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _refusal(
    record: Record, dead_letter: DeadLetter, dead_letter_offset: int, revision: int | None, prefix: str
) -> Refusal:
    partition = record.place.partition
    is_placed = dead_letter_offset != UNKNOWN_OFFSET
    return Refusal(
        dead_letter_id=dead_letter.dead_letter_id,
        cause=dead_letter.cause,
        message=plain_text(dead_letter.message, _MESSAGE_BYTES),
        advice=advice_for(dead_letter.cause),
        role=dead_letter.role,
        revision=revision,
        upload=_upload_place(record),
        letter=_dead_letter_place(partition, dead_letter_offset, prefix) if is_placed else None,
        refused_unix_seconds=dead_letter.failed_unix_seconds,
    )


def _upload_place(record: Record) -> SourceOffset:
    """Return the position of the sender's record; only this product writes to the backfill topic."""
    if record.place.topic.endswith(BACKFILL.name):
        return claimed_place(record.headers) or record.source
    return original_place(record.source, record.headers)


def _dead_letter_place(partition: int, offset: int, prefix: str) -> SourceOffset:
    return SourceOffset(topic=prefix + DEAD_LETTER.name, partition=partition, offset=offset)
