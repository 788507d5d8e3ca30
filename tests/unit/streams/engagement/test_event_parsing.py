"""What can never count is refused with the value that is wrong; what is the same act has the same identity."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME

from schemas.errors import InvalidEvent
from streams.engagement.event_parsing import BUCKET_SECONDS, parse_event

NOW = 1_700_000_000.0
GOOD = {"event_id": "e1", "video_id": "v1", "kind": "view", "event_unix_seconds": NOW, "watch_seconds": 2.0}


@dataclass
class Sent:
    """A message as the client hands it over."""

    body: bytes | None
    name: bytes | None = b"v1"
    at: float = NOW
    stamp_kind: int = TIMESTAMP_CREATE_TIME

    def value(self) -> bytes | None:
        return self.body

    def key(self) -> bytes | None:
        return self.name

    def timestamp(self) -> tuple[int, int]:
        return self.stamp_kind, int(self.at * 1000)


def sent(key: bytes | None = b"v1", at: float = NOW, **changes: Any) -> Sent:
    return Sent(json.dumps({**GOOD, **changes}).encode(), key, at)


@pytest.mark.parametrize(
    ("message", "cause", "quoted"),
    [
        (sent(watch_seconds=-1.0), "event-invalid", "watch_seconds"),
        (sent(watch_seconds=1e300), "event-invalid", "1e+300"),
        (sent(event_unix_seconds=NOW + 86_400), "event-invalid", "1700086400.0"),
        (sent(event_unix_seconds=-5.0), "event-invalid", "-5.0"),
        (sent(kind="applause"), "event-invalid", "applause"),
        (sent(key=b"v2"), "event-invalid", "v2"),
        (sent(key=None), "event-invalid", "has no key"),
        (Sent(b"\xff{"), "event-not-json", ""),
        (Sent(b'{"event_id":'), "event-not-json", ""),
        (Sent(None), "event-invalid", "no value"),
        (Sent(b" " * 70_000), "event-too-large", "70000"),
    ],
)
def test_refused(message: Sent, cause: str, quoted: str) -> None:
    """Each wrong event is refused with its cause, and the message says what was found."""
    with pytest.raises(InvalidEvent) as refused:
        parse_event(message, NOW)
    assert refused.value.cause == cause
    assert quoted in refused.value.message


def test_same_content_whatever_the_spelling() -> None:
    """Order of fields and fields that we do not know make no other content; another kind does."""
    first = parse_event(sent(), NOW)
    spelled = Sent(json.dumps({"new_field": 1, **dict(reversed(GOOD.items()))}).encode())
    assert (parse_event(spelled, NOW).identity, parse_event(spelled, NOW).content) == (first.identity, first.content)
    other = parse_event(sent(kind="like"), NOW)
    assert other.identity == first.identity
    assert other.content != first.content


def test_a_producers_stamp_is_never_in_the_future() -> None:
    """A producer's stamp ahead of our clock does not push the window of ids ahead."""
    assert parse_event(sent(at=NOW + 10 * BUCKET_SECONDS), NOW).bucket == int(NOW // BUCKET_SECONDS)


@pytest.mark.parametrize("off_seconds", [-86_400.0, -480.0, 480.0, 86_400.0])
def test_the_brokers_stamp_counts_whatever_a_workers_clock_says(off_seconds: float) -> None:
    """Two workers, one with a clock that is off, file an event under one bucket and refuse the same events: else an
    event that is sent twice counts twice, or a good one is refused.
    """
    message = Sent(json.dumps(GOOD).encode(), stamp_kind=TIMESTAMP_LOG_APPEND_TIME)
    assert parse_event(message, NOW + off_seconds) == parse_event(message, NOW)
    early = Sent(json.dumps({**GOOD, "event_unix_seconds": NOW + 1000}).encode(), stamp_kind=TIMESTAMP_LOG_APPEND_TIME)
    with pytest.raises(InvalidEvent):
        parse_event(early, NOW + off_seconds)
