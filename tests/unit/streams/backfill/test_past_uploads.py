"""What is read of the topic of uploads: the newest revision of each video, in time and market."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.codec import encode
from schemas.uploads import DeletionRequested, FileSource, VideoUploaded
from streams.backfill import past_uploads as subject
from streams.backfill.jobs import JobFilter
from streams.config.settings import read_settings
from streams.kafka.clients import StoredRecord


def record(
    offset: int, video_id: str, seconds: float = 100.0, *, key: str | None = None, **fields: Any
) -> StoredRecord:
    upload = VideoUploaded(video_id=video_id, source=FileSource(path="v.mp4"), **fields)
    return StoredRecord("video.uploaded", 0, offset, seconds, (key or video_id).encode(), encode(upload), ())


def stored(offset: int, value: bytes | None) -> StoredRecord:
    return StoredRecord("video.uploaded", 0, offset, 100.0, b"v", value, ())


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> list[StoredRecord]:
    """Records of the partition, filled by the test."""
    records: list[StoredRecord] = []

    def read(*_: object, since_unix_seconds: float, **__: object) -> Iterator[StoredRecord]:
        return (each for each in records if each.timestamp_unix_seconds >= since_unix_seconds)

    monkeypatch.setattr(subject, "read_to_end", read)
    return records


def found(**fields: Any) -> list[tuple[str, int]]:
    asked = JobFilter(**{"since_unix_seconds": 0.0, **fields})
    uploads = subject.past_uploads(read_settings(), 0, asked)
    return [(each.upload.video_id, each.record.offset) for each in uploads]


def test_the_newest_revision_counts(topic: list[StoredRecord]) -> None:
    """Whatever came last: a lower revision that was published late is no newer."""
    topic += [record(0, "a"), record(1, "a", revision=3), record(2, "b"), record(3, "a", revision=2)]
    assert found() == [("a", 1), ("b", 2)]


def test_the_same_revision_twice_is_sent_once(topic: list[StoredRecord]) -> None:
    """As it was published last."""
    topic += [record(0, "a"), record(1, "a")]
    assert found() == [("a", 1)]


def test_times_and_market(topic: list[StoredRecord]) -> None:
    """From the first time on, before the second; what has a newer revision outside is not sent in its old one."""
    topic += [
        record(0, "early", 50.0),
        record(1, "a", 100.0, market="DE"),
        record(2, "b", 150.0),
        record(3, "late", 200.0, market="DE"),
        record(4, "b", 210.0, revision=2),
    ]
    assert found(since_unix_seconds=100.0, until_unix_seconds=200.0) == [("a", 1)]
    assert found(market="DE") == [("a", 1), ("late", 3)]


def test_what_is_no_upload_is_passed_over(topic: list[StoredRecord]) -> None:
    """Deletions, poison and records under another key: intake answered for them."""
    topic += [
        stored(0, b"no event"),
        stored(1, None),
        stored(2, encode(DeletionRequested(video_id="v", deleted=True))),
        record(3, "w", key="v"),
        record(4, "v"),
    ]
    assert found() == [("v", 4)]
