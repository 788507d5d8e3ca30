"""What is likely a mistake in an event that is accepted: found in the event alone, with what to do about it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.codec import decode_upload_or_deletion
from schemas.warnings import MAX_WARNINGS, WARNING_KINDS, EventWarning, decode_warnings
from streams.kafka.partitioning import partition_of
from streams.record import Place, Record
from streams.uploads.event_warnings import _sent, content_of, event_warnings
from tests.documents import DOCS, section, table

NOW_UNIX_SECONDS = 1_760_000_000.0
NUM_PARTITIONS = 8
VALID: dict[str, Any] = {"video_id": "v-1", "source": {"kind": "file", "path": "a.mp4"}}
DELETION: dict[str, Any] = {"video_id": "v-1", "deleted": True}


def found_in(event: dict[str, Any], partition: int | None = None) -> tuple[EventWarning, ...]:
    value, key = json.dumps(event).encode(), b"v-1"
    own = partition_of(key, NUM_PARTITIONS) if partition is None else partition
    record = Record(Place("video.uploaded", own, 0), key, value, (), NOW_UNIX_SECONDS, generation=1)
    return event_warnings(decode_upload_or_deletion(value), record, NUM_PARTITIONS)


@pytest.mark.parametrize(
    ("fields", "kind", "field", "says"),
    [
        ({"uploaded_unix_seconds": 1_760_000_000_123}, "milliseconds", "uploaded_unix_seconds", "1760000000.123"),
        ({"uploaded_unix_seconds": 1.76e15}, "milliseconds", "uploaded_unix_seconds", "microseconds"),
        ({"uploaded_unix_seconds": 1.76e18}, "milliseconds", "uploaded_unix_seconds", "nanoseconds"),
        ({"uploaded_unix_seconds": 1_780_000_000}, "time-in-future", "uploaded_unix_seconds", "231.5 days"),
        ({"uploaded_unix_seconds": 0}, "time-before-2005", "uploaded_unix_seconds", "before 2005"),
        ({"uploaded_unix_seconds": -5}, "time-before-2005", "uploaded_unix_seconds", "before 2005"),
        ({"market": "ZZ"}, "unknown-market", "market", "'ZZ'"),
        ({"market": "UK"}, "unknown-market", "market", "did you mean 'GB'?"),
        ({"deadline_seconds": 30_000}, "long-deadline", "deadline_seconds", "8.3 hours"),
        ({"title": "x" * 5_001}, "long-text", "title", "5001 characters, and at most 5000 are expected"),
        ({"description": "x" * 100_001}, "long-text", "description", "100001 characters"),
        ({"hashtags": ["a"] * 101}, "long-text", "hashtags", "101 hashtags"),
        ({"hashtags": ["x" * 201]}, "long-text", "hashtags", "201 characters in one of them"),
        ({"deadline_seconds": 30_000}, "long-deadline", "deadline_seconds", "write 30"),
        ({"hashtag": ["a"]}, "unknown-field", "hashtags", "did you mean 'hashtags'?"),
        ({"tags": ["a"]}, "unknown-field", "hashtags", "did you mean 'hashtags'?"),
        ({"deadline": 30}, "unknown-field", "deadline_seconds", "did you mean 'deadline_seconds'?"),
        ({"deadlineSeconds": 30}, "unknown-field", "deadline_seconds", "'deadlineSeconds'"),
        ({"Title": "a"}, "unknown-field", "title", "did you mean 'title'?"),
        ({"titel": "a"}, "unknown-field", "title", "did you mean 'title'?"),
        ({"creator": "a"}, "unknown-field", "creator_id", "did you mean 'creator_id'?"),
        (
            {"source": {"kind": "file", "path": "a.mp4", "sha265": "0"}},
            "unknown-field",
            "source.sha256",
            "did you mean 'source.sha256'?",
        ),
        (
            {"source": {"kind": "file", "path": "a.mp4", "size": 5}},
            "unknown-field",
            "source.size_bytes",
            "'source.size'",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_upload_is_warned_of(fields: dict[str, Any], kind: str, field: str, says: str) -> None:
    """One warning, with the field, what was found and what to write."""
    (warning,) = found_in({**VALID, **fields})
    assert (warning.kind, warning.field) == (kind, field)
    assert says in warning.message


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"uploaded_unix_seconds": NOW_UNIX_SECONDS - 3.0, "market": "XK", "deadline_seconds": 3_600},
        {"uploaded_unix_seconds": NOW_UNIX_SECONDS + 50_000},
        {"title": "x" * 5_000, "description": "x" * 100_000, "hashtags": ["x" * 200] * 100},
        {"lane": "backfill", "deadline_seconds": 86_400},
        {"colour": "red", "id": 7, "x-trace": "a", "language": "de", "tenant": "t", "schema_version": 3},
        {"title": "a", "subtitle": "b", "title_en": "c", "hashtags": [], "tags": ["x"]},
        {"source": {"kind": "file", "path": "a.mp4", "bucket": "b"}},
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_right_or_somebody_elses_is_not(fields: dict[str, Any]) -> None:
    """Fields that we do not know are allowed, and a warning about each would hide the others."""
    assert found_in({**VALID, **fields}) == ()


def test_a_record_in_another_partition_than_murmur2_gives() -> None:
    """Uploads and deletions alike; it names both numbers and the setting that mends it."""
    own = partition_of(b"v-1", NUM_PARTITIONS)
    for event in (VALID, DELETION):
        assert found_in(event, own) == ()
        for other in set(range(NUM_PARTITIONS)) - {own}:
            (warning,) = found_in(event, other)
            assert warning.kind == "misplaced"
            assert f"partition {other} of 8" in warning.message
            assert f"gives {own}" in warning.message
            assert "murmur2_random" in warning.message


def test_a_deletion_is_warned_of_its_fields() -> None:
    """One that meant a revision would delete all of them."""
    (warning,) = found_in({**DELETION, "revison": 3})
    assert (warning.kind, warning.field) == ("unknown-field", "revision")


def test_a_flood_of_unknown_fields_is_cut_off() -> None:
    """Warnings are few and short, whatever comes."""
    many = found_in({**VALID, **{"t" * 1_000 + "itle" * number: 1 for number in range(60)}})
    assert len(many) <= MAX_WARNINGS
    near = found_in({**VALID, **{f"hashtags{number}": 1 for number in range(5_000)}})
    assert len(near) == 1
    assert all(len(warning.message) < 500 for warning in near)


class TestContent:
    """What makes the content of a revision."""

    @pytest.mark.parametrize(
        "fields",
        [{"title": "b"}, {"hashtags": ["b"]}, {"source": {"kind": "file", "path": "b.mp4"}}, {"market": "DE"}],
    )
    def test_differs_with_what_is_analysed_and_decided_by(self, fields: dict[str, Any]) -> None:
        """Media, text, creator, market."""
        assert _content(VALID) != _content({**VALID, **fields})

    def test_is_the_same_for_another_time_or_signature(self) -> None:
        """A producer that sends again signs again."""
        signed = {**VALID, "source": {"kind": "url", "url": "https://a.example/v.mp4?sig=1"}}
        again = {**VALID, "source": {"kind": "url", "url": "https://a.example/v.mp4?sig=2"}}
        assert _content(signed) == _content(again)
        assert _content(VALID) == _content({**VALID, "uploaded_unix_seconds": 5.0, "deadline_seconds": 9.0})


def _content(event: dict[str, Any]) -> str:
    upload = decode_upload_or_deletion(json.dumps(event).encode())
    return content_of(upload)  # type: ignore[arg-type]


def test_every_kind_is_in_the_producers_page() -> None:
    """With its meaning and what to do, in the order of the code."""
    rows = table(section(DOCS["producers.md"], "Warnings"))
    assert [row[0] for row in rows] == list(WARNING_KINDS)
    assert all(len(row) == 3 and all(row) for row in rows)


def test_what_is_nested_too_deep_to_be_looked_at_warns_of_nothing() -> None:
    """How deep JSON may be depends on the stack that reads it: an upload that was read once may be too deep here."""
    deep = b'{"x":' + b"[" * 100_000
    assert _sent(deep) == {}
    assert decode_warnings(b'[{"kind":"unknown-field","message":"","x":' + b"[" * 100_000) == ()
