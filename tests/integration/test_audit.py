"""The audit on a real Kafka and a real Redis: it finds what was hurt, repairs it, and is silent when all is well."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.redis_server import RedisServer
from schemas.facts import Accepted, Deleted, Fact, SourceOffset
from schemas.topics import MODERATION
from streams.store.keys import Keys
from tests.pipeline import Pipeline
from tests.sample_facts import signal

SETTLED_SECONDS = 180.0


@pytest.fixture
def pipeline(tmp_path: Path, kafka: str, redis_server: RedisServer) -> Iterator[Pipeline]:
    """A worker of the verdict role alone; tests write the log."""
    made = Pipeline.create(
        tmp_path,
        bootstrap_servers=kafka,
        redis_url=redis_server.url,
        media_roots=[],
        tombstone_repeat_seconds="3600",  # or the worker would repair what a test hurts
    )
    try:
        made.start_worker(roles="verdict")
        yield made
    finally:
        made.close()


def decide(pipeline: Pipeline, *video_ids: str) -> None:
    """Put the facts of videos into the log and wait until final verdicts and feature records are out."""
    for video_id in video_ids:
        facts: tuple[Fact, ...] = (accepted(video_id), signal("frames", video_id=video_id))
        pipeline.write_facts(*facts)
    pipeline.await_verdicts(video_ids, SETTLED_SECONDS)
    pipeline.await_handled("verdict")


def accepted(video_id: str) -> Accepted:
    now = time.time()
    return Accepted(
        video_id=video_id,
        revision=1,
        expected=("frames",),
        lane="live",
        market=None,
        creator_id=None,
        title="",
        uploaded_unix_seconds=now,
        deadline_unix_seconds=now + 600,
        source=SourceOffset(topic="video.uploaded", partition=0, offset=0),
    )


def verdicts_of(pipeline: Pipeline, video_id: str) -> list[bytes | None]:
    """Whatever was said of a video, oldest first."""
    return [record.value for record in pipeline.records(MODERATION.name) if record.key == video_id.encode()]


def findings(pipeline: Pipeline, *options: str) -> tuple[int, dict[str, str]]:
    told = pipeline.command("audit", "--json", *options)
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    return told.returncode, {line["video_id"]: line["problem"] for line in lines}


class TestAudit:
    def test_what_was_hurt_is_found_and_repaired(self, pipeline: Pipeline) -> None:
        """A stale last record, a lost state and a verdict behind its tombstone; a sound video is not mentioned."""
        decide(pipeline, "sound", "stale", "lost", "undead")
        pending, withdrawn = verdicts_of(pipeline, "stale")[0], verdicts_of(pipeline, "undead")[-1]
        pipeline.write_facts(self._deleted("undead"))
        pipeline.await_handled("verdict")  # tombstones are in both topics
        assert findings(pipeline) == (0, {})
        keys = Keys(pipeline.settings.topic_prefix)
        pipeline.write(MODERATION.name, ("stale", pending), ("undead", withdrawn))
        pipeline.ask_store(lambda store: store.delete(keys.state("lost"), keys.verdict("lost"), keys.status("lost")))
        hurt = {"stale": "topic-stale", "lost": "store-behind", "undead": "not-withdrawn"}
        assert findings(pipeline) == (1, hurt)
        assert findings(pipeline, "--repair") == (0, hurt)
        assert findings(pipeline) == (0, {})
        reading = pipeline.reading("lost")
        assert reading is not None
        assert reading.status["status"] == "final"
        assert pipeline.command("projection", "compare", "redis", "topics").returncode == 0

    def _deleted(self, video_id: str) -> Deleted:
        return Deleted(video_id=video_id, revision=1, reason="", event_unix_seconds=0.0)
