"""Bytes and headers: JSON by msgspec, CloudEvents in binary mode, W3C trace context."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from schemas.dead_letters import DeadLetter
from schemas.errors import InvalidEvent
from schemas.facts import Accepted, DeadlinePassed, Deleted, EngagementSummary, Fact, Review, Signal
from schemas.outcomes import RecommendationRecord, Verdict
from schemas.uploads import MAX_UPLOAD_BYTES, VideoUploaded

Headers = tuple[tuple[str, bytes], ...]
Event = VideoUploaded | Fact | Verdict | RecommendationRecord | DeadLetter

EVENT_TYPES: Final[dict[type, str]] = {
    VideoUploaded: "video.uploaded.v1",
    Accepted: "video.accepted.v1",
    Signal: "video.signal.v1",
    DeadlinePassed: "video.deadline.v1",
    EngagementSummary: "video.engagement-summary.v1",
    Review: "video.review.v1",
    Deleted: "video.deleted.v1",
    Verdict: "video.moderation.v1",
    RecommendationRecord: "video.recommendation.v1",
    DeadLetter: "video.dead-letter.v1",
}
"""CloudEvents `type` of each struct; one golden payload per entry is kept for ever."""

_ENCODER = msgspec.json.Encoder()
_UPLOAD_DECODER = msgspec.json.Decoder(VideoUploaded)
_FACT_DECODER: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)
_TRACEPARENT = re.compile(rb"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")


def encode(event: Any) -> bytes:
    """Encode a struct as JSON."""
    return _ENCODER.encode(event)


def decode_upload(value: bytes | None) -> VideoUploaded:
    """Read an upload event. Raises InvalidEvent, quoting what is wrong and where."""
    if value is None:
        raise InvalidEvent("event-invalid", "the event has no value; an upload is a JSON object")
    if len(value) > MAX_UPLOAD_BYTES:
        raise InvalidEvent("event-too-large", f"the event has {len(value)} bytes; at most {MAX_UPLOAD_BYTES} are read")
    try:
        return _UPLOAD_DECODER.decode(value)
    except msgspec.ValidationError as error:
        raise InvalidEvent("event-invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent("event-not-json", str(error)) from error


def decode_fact(value: bytes | None) -> Fact:
    """Read a record of `video.signals`. Raises InvalidEvent."""
    if value is None:
        raise InvalidEvent("event-invalid", "the record has no value; a fact is a JSON object")
    try:
        return _FACT_DECODER.decode(value)
    except msgspec.ValidationError as error:
        raise InvalidEvent("event-invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent("event-not-json", str(error)) from error


def event_headers(
    event: Any, *, event_id: str, source: str, now_unix_seconds: float, traceparent: bytes | None = None
) -> Headers:
    """CloudEvents binary-mode headers, with the trace continued where one came in."""
    time = datetime.fromtimestamp(now_unix_seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", EVENT_TYPES[type(event)].encode()),
        ("ce_source", source.encode()),
        ("ce_time", time.encode()),
        ("content-type", b"application/json"),
        ("traceparent", continue_trace(traceparent)),
    )


def continue_trace(traceparent: bytes | None) -> bytes:
    """A W3C traceparent with a span id of its own: of the caller's trace, or of a new one."""
    match = _TRACEPARENT.match(traceparent) if traceparent else None
    trace_id = match.group(1) if match else secrets.token_hex(16).encode()
    flags = match.group(3) if match else b"01"
    return b"00-" + trace_id + b"-" + secrets.token_hex(8).encode() + b"-" + flags


def header(headers: Iterable[tuple[str, bytes]], name: str) -> bytes | None:
    """First header of a name, or None."""
    return next((value for key, value in headers if key == name), None)
