"""The audit on a real Kafka and a real Redis: it finds what was hurt, repairs it, and is silent when all is well."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ops.local.redis_server import RedisServer
from schemas.facts import Deleted, Fact
from schemas.outcomes import Verdict
from schemas.topics import MODERATION, RECOMMENDATION
from streams.store.keys import Keys
from tests.pipeline import Pipeline
from tests.sample_facts import accepted_now, deadline, signal

SETTLED_SECONDS = 180.0


@pytest.fixture
def pipeline(tmp_path: Path, kafka: str, redis_server: RedisServer) -> Iterator[Pipeline]:
    """A worker of the verdict role alone; tests write the log."""
    with Pipeline.opened(
        tmp_path,
        bootstrap_servers=kafka,
        redis_url=redis_server.url,
        media_roots=[],
        tombstone_repeat_seconds="3600",  # or the worker would repair what a test hurts
    ) as made:
        made.start_worker(roles="verdict")
        yield made


def decide(pipeline: Pipeline, *video_ids: str) -> None:
    """Put the facts of videos into the log and wait until final verdicts and feature records are out."""
    for video_id in video_ids:
        facts: tuple[Fact, ...] = (accepted_now(video_id), signal("frames", video_id=video_id))
        pipeline.write_facts(*facts)
    pipeline.await_verdicts(video_ids, SETTLED_SECONDS)
    pipeline.await_handled("verdict")


def verdicts_of(pipeline: Pipeline, video_id: str) -> list[bytes | None]:
    """Whatever was said of a video, oldest first."""
    return [record.value for record in pipeline.records(MODERATION.name) if record.key == video_id.encode()]


def findings(pipeline: Pipeline, *options: str) -> tuple[int, dict[str, str]]:
    told = pipeline.command("audit", "--json", *options)
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    return told.returncode, {line["video_id"]: line["problem"] for line in lines}


class TestAudit:
    def test_what_was_hurt_is_found_and_repaired(self, pipeline: Pipeline) -> None:
        """Whatever is lost, stale or said otherwise in one place is found; a sound video is not mentioned."""
        decide(pipeline, "sound", "stale", "lost", "undead", "moved", "unserved")
        pending, withdrawn = verdicts_of(pipeline, "stale")[0], verdicts_of(pipeline, "undead")[-1]
        pipeline.write_facts(self._deleted("undead"))
        pipeline.await_handled("verdict")  # tombstones are in both topics
        assert findings(pipeline) == (0, {})
        keys = Keys(pipeline.settings.topic_prefix)
        wrong = self._decide_over_a_hole(pipeline, "undone")
        pipeline.write(MODERATION.name, ("stale", pending), ("undead", withdrawn))
        self._publish_without_facts(pipeline, "factless")
        pipeline.ask_store(lambda store: store.delete(keys.state("lost"), keys.verdict("lost"), keys.status("lost")))
        pipeline.ask_store(lambda store: store.hset(keys.status("unserved"), "status", "pending"))
        space, attributes = keys.space("frames-space/3"), json.dumps({"action": "allow"})
        pipeline.ask_store(lambda store: store.execute_command("VSETATTR", space, "moved", attributes))
        hurt = {
            "stale": "topic-stale", "lost": "store-behind", "undead": "not-withdrawn", "factless": "store-behind",
            "moved": "vectors-differ", "unserved": "served-differs", "undone": "store-differs",
        }  # fmt: skip
        assert findings(pipeline) == (1, hurt)
        assert findings(pipeline, "--repair") == (0, hurt)
        right = pipeline.await_verdicts(["undone"], SETTLED_SECONDS)["undone"]
        assert right.version > wrong.version  # readers take it
        assert set(right.modalities.present) == {"frames", "audio"}
        pipeline.await_handled("verdict")
        assert findings(pipeline) == (0, {})
        for video_id in ("lost", "factless", "unserved", "undone"):
            reading = pipeline.reading(video_id)
            assert reading is not None
            assert reading.status["status"] == "final"
        assert pipeline.command("projection", "compare", "redis", "topics").returncode == 0

    def _decide_over_a_hole(self, pipeline: Pipeline, video_id: str) -> Verdict:
        """The store forgets a signal of a final video, and its deadline is folded on top: provisional, and higher."""
        pipeline.write_facts(accepted_now(video_id, ("frames", "audio")), signal("frames", video_id=video_id))
        pipeline.await_handled("verdict")
        keys = Keys(pipeline.settings.topic_prefix)
        names = [key(video_id) for key in (keys.state, keys.status, keys.verdict, keys.features, keys.embeddings)]
        older = pipeline.ask_store(lambda store: copies(store, names))
        pipeline.write_facts(signal("audio", video_id=video_id))
        pipeline.await_verdicts([video_id], SETTLED_SECONDS)
        pipeline.await_handled("verdict")
        pipeline.ask_store(lambda store: put_back(store, names, older))
        pipeline.write_facts(deadline(video_id=video_id))
        wrong = pipeline.await_verdicts([video_id], SETTLED_SECONDS, status="provisional")
        pipeline.await_handled("verdict")
        return wrong[video_id]

    def test_what_is_on_its_way_is_no_finding(self, pipeline: Pipeline) -> None:
        """Audits next to live traffic find nothing."""
        is_over = threading.Event()

        def publish() -> None:
            number = 0
            while not is_over.is_set():
                number += 1
                facts = (accepted_now(f"live-{number}"), signal("frames", video_id=f"live-{number}"))
                again = signal("frames", video_id=f"live-{number // 2 + 1}", generation=number)
                pipeline.write_facts(*facts, again)

        producer = threading.Thread(target=publish)
        producer.start()
        try:
            pipeline.await_verdicts(["live-1"], SETTLED_SECONDS)
            assert [findings(pipeline) for _ in range(2)] == [(0, {}), (0, {})]
        finally:
            is_over.set()
            producer.join()

    def _publish_without_facts(self, pipeline: Pipeline, video_id: str) -> None:
        """A verdict and a feature record whose facts are gone from the log."""
        for topic in (MODERATION.name, RECOMMENDATION.name):
            values = [record.value for record in pipeline.records(topic) if record.key == b"sound" and record.value]
            pipeline.write(topic, (video_id, values[-1].replace(b'"sound"', f'"{video_id}"'.encode())))

    def _deleted(self, video_id: str) -> Deleted:
        return Deleted(video_id=video_id, revision=1, reason="", event_unix_seconds=0.0)


async def copies(store: Redis, keys: list[str]) -> list[bytes | None]:
    """The keys as they are now."""
    return [await store.dump(key) for key in keys]


async def put_back(store: Redis, keys: list[str], values: list[bytes | None]) -> None:
    """Make the keys what they were, as an older copy does."""
    await store.delete(*keys)
    for key, value in zip(keys, values, strict=True):
        if value is not None:
            await store.restore(key, 0, value)
