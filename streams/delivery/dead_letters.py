"""Dead letters: an event that will not be retried, kept whole, one per event."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from schemas.dead_letters import DeadLetter
from schemas.facts import Failure
from schemas.topics import DEAD_LETTER
from schemas.uploads import MAX_UPLOAD_BYTES
from schemas.wire import event_headers, header
from streams import metrics
from streams.clock import Clock
from streams.delivery.publisher import Publisher, RecordTooLarge
from streams.delivery.record import Place, Record
from streams.store.keys import Keys
from streams.tracing import spans

_MARK_SECONDS: Final = 28 * 86_400
"""As long as dead letters are kept."""
_VIDEO_ID: Final = re.compile(rb"^[A-Za-z0-9._:~-]{1,128}$")
_LARGEST_VALUE_BYTES: Final = MAX_UPLOAD_BYTES
"""Its base64 fits into the largest dead letter. A larger value could not be sent again: its topic takes none."""


class DeadLetters:
    """Writes dead letters and remembers which were written, so that a replay writes none.

    The mark follows the confirmation: a death between them writes the letter twice, under the same id.
    """

    def __init__(self, publisher: Publisher, redis: Redis, keys: Keys, clock: Clock) -> None:
        self._publisher = publisher
        self._redis = redis
        self._keys = keys
        self._clock = clock

    async def write(self, record: Record, failure: Failure, *, role: str, attempts: int = 1) -> None:
        """Return when the letter is confirmed, now or by an earlier run."""
        mark = self._keys.dead_letter(dead_letter_id(record.place))
        if await self._redis.exists(mark):
            return
        letter = self._letter(record, failure, role, attempts)
        try:
            await self._send(record, letter)
        except RecordTooLarge:
            await self._send(record, msgspec.structs.replace(letter, value=None, headers=()))
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(mark, failure.cause, ex=_MARK_SECONDS)
            self._index(pipeline, record, letter)
            await pipeline.execute()
        metrics.DEAD_LETTERS.labels(role, failure.cause).inc()

    async def take_back(self, video_id: str) -> int:
        """Replace every letter of a video by a tombstone; return how many there were. May be repeated."""
        index = self._keys.letters(video_id)
        letters: dict[Any, Any] = await self._redis.hgetall(index)
        for key, partition in letters.items():
            await self._publisher.publish(DEAD_LETTER, key, None, partition=int(partition))
            await self._redis.hdel(index, key)
        return len(letters)

    def _index(self, pipeline: Any, record: Record, letter: DeadLetter) -> None:
        """Remember the letter under the video that its key names, where it names one."""
        key = record.key or b""
        if _VIDEO_ID.match(key):
            index = self._keys.letters(key.decode())
            pipeline.hset(index, letter_key(record.key, letter.dead_letter_id), record.place.partition)
            pipeline.expire(index, _MARK_SECONDS)

    async def _send(self, record: Record, letter: DeadLetter) -> None:
        headers = event_headers(
            letter,
            event_id=letter.dead_letter_id,
            source=f"vidsignal/{letter.role}",
            now_unix_seconds=letter.failed_unix_seconds,
            traceparent=header(record.headers, "traceparent"),
            span=spans.traceparent(),
        )
        key = letter_key(record.key, letter.dead_letter_id)
        partition = record.place.partition
        await self._publisher.publish(DEAD_LETTER, key, letter, headers=headers, partition=partition)

    def _letter(self, record: Record, failure: Failure, role: str, attempts: int) -> DeadLetter:
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


def letter_key(source_key: bytes | None, letter_id: str) -> bytes:
    """Key of a letter's record: the source's own key, and its id, so that it alone can be taken back."""
    return (source_key or b"") + b"#" + letter_id.encode()


def dead_letter_id(place: Place) -> str:
    """Name of the letter of one event, the same however often it is written."""
    text = f"{place.topic}\x1f{place.partition}\x1f{place.offset}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
