"""Records that this release cannot read lie in every compacted topic and among the dead letters: commands go on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.redis_server import RedisServer
from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.facts import SourceOffset
from schemas.topics import DEAD_LETTER, MODERATION, RECOMMENDATION
from tests.pipeline import Pipeline

NEWER = b'{"layout": 9}'


@pytest.fixture
def pipeline(tmp_path: Path, kafka: str, redis_server: RedisServer) -> Iterator[Pipeline]:
    """Topics that hold one unreadable record each, and two dead letters of which one has no value."""
    with Pipeline.opened(
        tmp_path, bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=[], partitions=1
    ) as made:
        for topic in (MODERATION, RECOMMENDATION):
            made.write(topic.name, ("newer", NEWER))
        dead_letters = [("v#b", encode(dead_letter("b" * 32, None))), ("v#c", encode(dead_letter("c" * 32)))]
        made.write(DEAD_LETTER.name, ("newer#a", NEWER), *dead_letters)
        yield made


def dead_letter(dead_letter_id: str, value: bytes | None = b"{}") -> DeadLetter:
    return DeadLetter(
        dead_letter_id=dead_letter_id, cause="event-invalid", message="said", role="intake", attempts=1,
        source=SourceOffset(topic="video.uploaded", partition=0, offset=0), source_timestamp_unix_seconds=0.0,
        failed_unix_seconds=time.time(), key=b"v", headers=(), value=value, value_bytes=0, value_sha256="",
    )  # fmt: skip


def test_commands_pass_them_over_and_name_them(pipeline: Pipeline) -> None:
    """Each one does its work on the rest, names the record on standard error, and ends with 1 as for any finding."""
    for words in (("audit",), ("rebuild",), ("projection", "dump", "--from", "topics"), ("dead-letters", "list")):
        ended = pipeline.command(*words)
        assert ended.returncode == 1, (words, ended.stdout, ended.stderr)
        assert "newer" in ended.stderr, words
        assert "Traceback" not in ended.stderr, words
    assert "cccccccccccc" in ended.stdout


def test_redrive_sends_the_rest(pipeline: Pipeline) -> None:
    """Neither the unreadable dead letter nor the one without a value keeps the third from being sent."""
    source = pipeline.topic("video.uploaded")
    good = encode(dead_letter("d" * 32)).replace(b'"video.uploaded"', f'"{source}"'.encode())
    pipeline.write(DEAD_LETTER.name, ("v#c", None), ("v#d", good))
    ended = pipeline.command("dead-letters", "redrive", "--all")
    assert ended.returncode == 1, (ended.stdout, ended.stderr)
    assert "1 sent again" in ended.stdout
    assert "bbbbbbbbbbbb has no value" in ended.stderr
    assert "newer#a" in ended.stderr
    assert [record.value for record in pipeline.records("video.uploaded")] == [b"{}"]
