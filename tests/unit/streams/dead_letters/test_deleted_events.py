"""Which events a deletion covers, and under which key their dead letters are found."""

from __future__ import annotations

import pytest

from schemas.codec import encode
from schemas.facts import SourceOffset
from streams.dead_letters.dead_letter_index import Subject, dead_letter_key, is_reached
from streams.store.deletion_reading import DeletionReading


def place(offset: int, partition: int = 0, topic: str = "video.uploaded", topic_id: str | None = None) -> SourceOffset:
    return SourceOffset(topic=topic, partition=partition, offset=offset, topic_id=topic_id)


BY_PLACE = encode(DeletionReading(revision=2, before=place(5)))
BY_REVISION = encode(DeletionReading(revision=2))


class TestIsReached:
    @pytest.mark.parametrize("deletion_marker", [None, b"", b"two", b"-1", b"2.0"])
    @pytest.mark.parametrize("event", [Subject(), Subject(1), Subject(1, place(0))])
    def test_without_a_marker_nothing_is_deleted(self, deletion_marker: bytes | None, event: Subject) -> None:
        """Nor with one that is no number."""
        assert is_reached(deletion_marker, BY_PLACE, event) is False

    @pytest.mark.parametrize("deletion", [None, BY_REVISION, b"no JSON", b"{}"])
    @pytest.mark.parametrize(
        ("event", "is_deleted"),
        [
            (Subject(1), True),
            (Subject(2), True),
            (Subject(3), False),
            (Subject(), True),
            (Subject(2, place(99)), True),
            (Subject(3, place(0)), False),
            (Subject(None, place(99)), True),
        ],
    )
    def test_by_revision(self, deletion: bytes | None, event: Subject, is_deleted: bool) -> None:
        """Up to the marker's own; what names none is covered in any case."""
        assert is_reached(b"2", deletion, event) is is_deleted

    @pytest.mark.parametrize(
        ("event", "is_deleted"),
        [
            (Subject(3, place(4)), True),
            (Subject(3, place(5)), True),
            (Subject(3, place(6)), False),
            (Subject(2, place(6)), True),
            (Subject(None, place(5)), True),
            (Subject(None, place(6)), False),
            (Subject(3, place(4, partition=1)), False),
            (Subject(None, place(6, partition=1)), True),
            (Subject(3, place(4, topic="other")), False),
            (Subject(3, place(4, topic_id="known")), True),
            (Subject(3), False),
            (Subject(), True),
        ],
    )
    def test_by_place(self, event: Subject, is_deleted: bool) -> None:
        """Of one partition the order of the uploads decides; where places do not compare, the revision does."""
        assert is_reached(b"2", BY_PLACE, event) is is_deleted


class TestKey:
    @pytest.mark.parametrize(
        ("source_key", "key"),
        [
            (b"video-1", b"video-1#a-1"),
            (None, b"#a-1"),
            (b"", b"#a-1"),
            (b"k" * 1024, b"k" * 1024 + b"#a-1"),
            (b"k" * 1025, b"#a-1"),
        ],
    )
    def test_begins_with_the_sources_own(self, source_key: bytes | None, key: bytes) -> None:
        """Unless that is too long to stand in a record twice."""
        assert dead_letter_key(source_key, "a-1") == key
