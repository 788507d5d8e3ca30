"""Parses engagement events, rejects those that can never count, and identifies each by its id."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NoReturn
from zlib import crc32

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from schemas.codec import decode_engagement, encode
from schemas.diagnosis import wrong_key
from schemas.engagement import EngagementEvent
from schemas.errors import InvalidEvent
from schemas.time_units import other_unit

MAX_AHEAD_SECONDS: Final = 600.0
"""How far an event may be in the future; clocks differ by at most that much."""
MAX_WATCH_SECONDS: Final = 86_400.0
"""Longest watch time of one event; more is a client's fault, and would outweigh all others."""
BUCKET_SECONDS: Final = 600.0
"""Ids are stored in buckets of that much broker time. Two are read, so an id counts once within at least one bucket."""


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """One event that may be counted."""

    event: EngagementEvent
    identity: bytes
    """8 bytes, of video and event id."""
    content: bytes
    """4 bytes, of all decoded fields of the event."""
    bucket: int
    message: Any
    """The client's message, for a dead letter."""


def parse_event(message: Any, now_unix_seconds: float) -> ParsedEvent:
    """Parse one record of `video.engagement`.

    Args:
        message: the client's.
        now_unix_seconds: by this worker's clock, for records without a broker timestamp.

    Raises:
        InvalidEvent: no engagement event, under a key that is not its video, or at an impossible time.
    """
    event = decode_engagement(message.value())
    stamp_kind, stamp_milliseconds = message.timestamp()
    stamp_unix_seconds = stamp_milliseconds / 1000
    # All workers must use the same bucket, so the broker's timestamp counts if there is one. A producer's timestamp is
    # limited by our clock: otherwise a producer whose clock is ahead would end the buckets of all others.
    now = stamp_unix_seconds if stamp_kind == TIMESTAMP_LOG_APPEND_TIME else now_unix_seconds
    _check(event, message.key(), now)
    seconds = min(stamp_unix_seconds, now)
    return ParsedEvent(event, identity_of(event), content_of(event), int(seconds // BUCKET_SECONDS), message)


def identity_of(event: EngagementEvent) -> bytes:
    """Return the identity of an event: the id that the client assigned, for one video."""
    return blake2b(f"{event.video_id}\x1f{event.event_id}".encode(), digest_size=8).digest()


def content_of(event: EngagementEvent) -> bytes:
    """Return a checksum of the event's content, independent of spelling, order and unknown fields of its JSON."""
    return crc32(encode(event)).to_bytes(4, "big")


def _check(event: EngagementEvent, key: bytes | None, now_unix_seconds: float) -> None:
    if message := wrong_key(key, event.video_id):
        _refuse(message)
    if not 0.0 <= event.event_unix_seconds <= now_unix_seconds + MAX_AHEAD_SECONDS:
        _refuse(
            f"event_unix_seconds is {event.event_unix_seconds}; allowed are 0 to"
            f" {now_unix_seconds + MAX_AHEAD_SECONDS:.3f}: now, and {MAX_AHEAD_SECONDS:g} s for clocks that differ"
            + (f"; {unit}" if (unit := other_unit(event.event_unix_seconds)) else "")
        )
    if event.watch_seconds is not None and event.watch_seconds > MAX_WATCH_SECONDS:
        _refuse(f"watch_seconds is {event.watch_seconds}; at most {MAX_WATCH_SECONDS:g} are allowed")


def _refuse(message: str) -> NoReturn:
    raise InvalidEvent("event-invalid", message)
