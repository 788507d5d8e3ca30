"""Dead letters: events that will not be retried, stored completely, one per event."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

import msgspec
from redis.asyncio import Redis

from schemas.codec import event_headers, header
from schemas.dead_letters import DeadLetter
from schemas.facts import Failure
from schemas.topics import DEAD_LETTER
from schemas.uploads import MAX_UPLOAD_BYTES
from streams.dead_letters.dead_letter_index import DeadLetterIndex, Subject, dead_letter_key
from streams.dead_letters.refused_uploads import RefusedUploads
from streams.kafka.publisher import UNKNOWN_OFFSET, Publisher, RecordTooLarge
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.observability.tracing import spans
from streams.record import Place, Record
from streams.store.keys import Keys
from streams.uploads.places import original_place

_KEPT_SECONDS: Final = 28 * 86_400
"""Default retention of dead letters."""
_LARGEST_VALUE_BYTES: Final = MAX_UPLOAD_BYTES
"""Largest value whose base64 fits into a dead letter. A larger value could not be redriven, because its topic does not
accept it."""


class DeadLetters:
    """Writes dead letters and marks those that were written, so that a replay writes none.

    The mark is set after the confirmation: a crash between the two writes the dead letter twice, under the same id.

    Of a deleted video no dead letter remains readable, in whichever order deletion and dead letter happen. The dead
    letter is published before it is added to the index, and the step that adds it checks the deletion marker: an
    earlier deletion is detected there, a later one finds the dead letter in the index. If the video is already deleted,
    a tombstone is written instead of the dead letter, because an earlier run may have crashed after publishing it.

    Args:
        publisher: of the worker.
        redis: the store.
        keys: names under the stack's prefix.
        clock: for the time of the failure.
        kept_seconds: retention of dead letters in the topic.
        refused: writes refusals for senders.
    """

    def __init__(
        self,
        publisher: Publisher,
        redis: Redis,
        keys: Keys,
        clock: Clock,
        kept_seconds: float = _KEPT_SECONDS,
        refused: RefusedUploads | None = None,
    ) -> None:
        self._publisher = publisher
        self._redis = redis
        self._keys = keys
        self._clock = clock
        self._kept_seconds = int(kept_seconds)
        self._index = DeadLetterIndex(redis, keys, kept_seconds)
        self._refused = refused or RefusedUploads(redis, keys)

    async def write(
        self, record: Record, failure: Failure, *, role: str, attempts: int = 1, revision: int | None = None
    ) -> None:
        """Return when the dead letter is confirmed, by this or an earlier run, or is withdrawn.

        Args:
            record: the event.
            failure: why it will not be retried.
            role: the role that gives it up.
            attempts: number of attempts that were made.
            revision: that the event concerns; None if it cannot be read.
        """
        new_id = dead_letter_id(record.place)
        mark, key = self._keys.dead_letter(new_id), dead_letter_key(record.key, new_id)
        if await self._redis.exists(mark):
            return
        event = Subject(revision, original_place(record.source, record.headers))
        dead_letter, offset = self._dead_letter(record, failure, role, attempts), UNKNOWN_OFFSET
        if not await self._index.is_deleted(key, event):
            offset = await self._send_whole(record, dead_letter)
        if await self._index.add(key, record.place.partition, event):
            await self._withdraw(key, record.place.partition)
            metrics.EVENTS_SKIPPED.labels(role, "forgotten").inc()
        else:
            await self._refused.note(record, dead_letter, offset, event)
            metrics.DEAD_LETTERS.labels(role, failure.cause).inc()
        await self._redis.set(mark, failure.cause, ex=self._kept_seconds)

    async def write_bare(self, record: Record, failure: Failure, *, role: str) -> None:
        """Write a dead letter without the headers, for an event whose regular dead letter could not be written."""
        await self.write(replace(record, headers=()), failure, role=role)

    async def withdraw(self, video_id: str) -> int:
        """Replace every dead letter of a video by a tombstone, and return their number. May be repeated."""
        dead_letters = await self._index.dead_letters(video_id)
        for key, partition in dead_letters.items():
            await self._withdraw(key, partition)
        await self._refused.forget(video_id)
        return len(dead_letters)

    async def _withdraw(self, key: bytes, partition: int) -> None:
        await self._publisher.publish(DEAD_LETTER, key, None, partition=partition)
        await self._index.drop(key)

    async def _send_whole(self, record: Record, dead_letter: DeadLetter) -> int:
        """Publish the dead letter with the event's bytes if they fit; return its offset."""
        try:
            return await self._send(record, dead_letter)
        except RecordTooLarge:
            return await self._send(record, msgspec.structs.replace(dead_letter, value=None, headers=()))

    async def _send(self, record: Record, dead_letter: DeadLetter) -> int:
        headers = event_headers(
            dead_letter,
            event_id=dead_letter.dead_letter_id,
            source=f"vidsignal/{dead_letter.role}",
            now_unix_seconds=dead_letter.failed_unix_seconds,
            traceparent=header(record.headers, "traceparent"),
            span=spans.traceparent(),
        )
        key = dead_letter_key(record.key, dead_letter.dead_letter_id)
        partition = record.place.partition
        return await self._publisher.publish(DEAD_LETTER, key, dead_letter, headers=headers, partition=partition)

    def _dead_letter(self, record: Record, failure: Failure, role: str, attempts: int) -> DeadLetter:
        value = record.value or b""
        return DeadLetter(
            dead_letter_id=dead_letter_id(record.place),
            cause=failure.cause,
            message=failure.message,
            role=role,
            attempts=attempts,
            source=record.source,
            source_timestamp_unix_seconds=record.timestamp_unix_seconds,
            failed_unix_seconds=self._clock.now_unix_seconds(),
            key=record.key,
            headers=record.headers,
            value=record.value if len(value) <= _LARGEST_VALUE_BYTES else None,
            value_bytes=len(value),
            value_sha256=hashlib.sha256(value).hexdigest(),
        )


def dead_letter_id(place: Place) -> str:
    """Return the id of the dead letter of one event; the same each time."""
    text = f"{place.topic}\x1f{place.partition}\x1f{place.offset}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
