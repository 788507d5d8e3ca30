"""Bytes and headers: JSON by msgspec, CloudEvents in binary mode, W3C trace context."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from schemas import diagnosis
from schemas.dead_letters import DeadLetter
from schemas.encodings import HOW_TO_DELETE
from schemas.engagement import MAX_ENGAGEMENT_BYTES, EngagementEvent
from schemas.errors import InvalidEvent
from schemas.facts import Accepted, DeadlinePassed, Deleted, EngagementSummary, Fact, PolicyChanged, Review, Signal
from schemas.outcomes import RecommendationRecord, Verdict
from schemas.uploads import MAX_UPLOAD_BYTES, DeletionRequested, VideoUploaded

_Read = TypeVar("_Read")
Headers = tuple[tuple[str, bytes], ...]
Event = VideoUploaded | DeletionRequested | EngagementEvent | Fact | Verdict | RecommendationRecord | DeadLetter

EVENT_TYPES: Final[dict[type, str]] = {
    VideoUploaded: "video.uploaded.v1",
    DeletionRequested: "video.deletion-requested.v1",
    EngagementEvent: "video.engagement.v1",
    Accepted: "video.accepted.v1",
    Signal: "video.signal.v1",
    DeadlinePassed: "video.deadline.v1",
    EngagementSummary: "video.engagement-summary.v1",
    Review: "video.review.v1",
    PolicyChanged: "video.policy.v1",
    Deleted: "video.deleted.v1",
    Verdict: "video.moderation.v1",
    RecommendationRecord: "video.recommendation.v1",
    DeadLetter: "video.dead-letter.v1",
}
"""CloudEvents `type` of each struct; one golden payload per entry is kept forever."""

_ENCODER = msgspec.json.Encoder()
_UPLOAD_DECODER = msgspec.json.Decoder(VideoUploaded)
_DELETION_DECODER = msgspec.json.Decoder(DeletionRequested)
_ENGAGEMENT_DECODER = msgspec.json.Decoder(EngagementEvent)
_FACT_DECODER: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)
_TRACEPARENT = re.compile(rb"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})\Z")


def encode(event: Any) -> bytes:
    """Encode a struct as JSON."""
    return _ENCODER.encode(event)


class _Discriminator(msgspec.Struct):
    deleted: bool = False


_DISCRIMINATOR_DECODER = msgspec.json.Decoder(_Discriminator)


def decode_upload(value: bytes | None) -> VideoUploaded:
    """Decode an upload event. Raises InvalidEvent, which quotes what is wrong and where."""
    return _decode(_UPLOAD_DECODER, value, "an upload", MAX_UPLOAD_BYTES, f"; {HOW_TO_DELETE}")


def decode_upload_or_deletion(value: bytes | None) -> VideoUploaded | DeletionRequested:
    """Decode an event of `video.uploaded`. Raises InvalidEvent, which quotes what is wrong and where."""
    if value is not None and b'"deleted"' in value and _says_deleted(value):
        return _decode(_DELETION_DECODER, value, "a deletion", MAX_UPLOAD_BYTES)
    return decode_upload(value)


def decode_engagement(value: bytes | None) -> EngagementEvent:
    """Decode an engagement event. Raises InvalidEvent, which quotes what is wrong and where."""
    return _decode(_ENGAGEMENT_DECODER, value, "an engagement event", MAX_ENGAGEMENT_BYTES)


def decode_fact(value: bytes | None) -> Fact:
    """Decode a record of `video.signals`. Raises InvalidEvent."""
    return _decode(_FACT_DECODER, value, "a fact", None)


def _says_deleted(value: bytes) -> bool:
    try:
        return _DISCRIMINATOR_DECODER.decode(value).deleted
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False  # it is decoded as an upload and refused as one


def _decode(
    decoder: msgspec.json.Decoder[_Read], value: bytes | None, what: str, max_bytes: int | None, of_none: str = ""
) -> _Read:
    if value is None:
        raise InvalidEvent("event-invalid", f"the event has no value; {what} is a JSON object{of_none}")
    if max_bytes is not None and len(value) > max_bytes:
        raise InvalidEvent("event-too-large", f"the event has {len(value)} bytes; at most {max_bytes} are read")
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise InvalidEvent("event-invalid", diagnosis.invalid(value, decoder.type, what, str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent("event-not-json", diagnosis.unreadable(value, str(error))) from error


def event_headers(
    event: Any,
    *,
    event_id: str,
    source: str,
    now_unix_seconds: float,
    traceparent: bytes | None = None,
    span: bytes | None = None,
) -> Headers:
    """Return CloudEvents headers in binary mode, with the trace continued if there is one.

    Args:
        event: a struct of `EVENT_TYPES`.
        event_id: the same at every repetition.
        source: CloudEvents source of the publisher.
        now_unix_seconds: time of the event.
        traceparent: of the event that caused it.
        span: traceparent of the traced step that publishes it, sent unchanged; None if nothing is traced.
    """
    time = datetime.fromtimestamp(now_unix_seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", EVENT_TYPES[type(event)].encode()),
        ("ce_source", source.encode()),
        ("ce_time", time.encode()),
        ("content-type", b"application/json"),
        ("traceparent", span or continue_trace(traceparent)),
    )


def continue_trace(traceparent: bytes | None) -> bytes:
    """Return a W3C traceparent with a new span id, in the caller's trace or a new one."""
    match = _TRACEPARENT.match(traceparent) if traceparent else None
    trace_id = match.group(1) if match else secrets.token_hex(16).encode()
    flags = match.group(3) if match else b"01"
    return b"00-" + trace_id + b"-" + secrets.token_hex(8).encode() + b"-" + flags


def header(headers: Iterable[tuple[str, bytes]], name: str) -> bytes | None:
    """Return the first header of a name, or None."""
    return next((value for key, value in headers if key == name), None)
