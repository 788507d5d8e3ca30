"""Engagement on a real Kafka and a real Redis: counts equal a recount whatever dies; what is wrong is a dead letter."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from confluent_kafka import Producer

from ops.bench.engagement import differences
from ops.cli.engagement import publish_events
from ops.engagement_stream import engagement_stream, video_names
from ops.local.redis_server import RedisServer
from schemas.facts import EngagementSummary
from schemas.topics import ENGAGEMENT
from streams.kafka_clients import producer_configuration
from streams.store.keys import Keys
from tests.pipeline import Pipeline, await_value

WAIT_SECONDS = 40.0


@pytest.fixture
def lasting_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of one test alone, which keeps what it confirmed."""
    with RedisServer(tmp_path / "redis", persistent=True) as server:
        yield server


def create(folder: Path, kafka: str, redis_url: str, **environment: str) -> Pipeline:
    return Pipeline.create(
        folder, bootstrap_servers=kafka, redis_url=redis_url, media_roots=(), partitions=2, **environment
    )


def send(pipeline: Pipeline, *events: dict[str, Any] | bytes, key: str = "v1") -> None:
    """Send events as they are; those without a time happened now."""
    producer = Producer(producer_configuration(pipeline.settings))
    for event in events:
        full = event if isinstance(event, bytes) else json.dumps({**_NOW(), **event}).encode()
        producer.produce(pipeline.topic(ENGAGEMENT.name), key=key, value=full)
    assert producer.flush(30) == 0


def _NOW() -> dict[str, Any]:  # noqa: N802
    return {"video_id": "v1", "kind": "view", "event_unix_seconds": time.time()}


def counted(pipeline: Pipeline) -> int:
    """How many records of the topic are in the counts."""
    keys, topic = Keys(pipeline.settings.topic_prefix), pipeline.topic(ENGAGEMENT.name)
    with redis.Redis.from_url(pipeline.settings.redis_url.get_secret_value()) as client:
        return sum(int(at or 0) for at in client.mget([keys.engagement_offset(topic, n) for n in range(2)]))


def await_counted(pipeline: Pipeline, number: int) -> None:
    await_value(
        lambda: True if counted(pipeline) >= number else None, WAIT_SECONDS, lambda: f"{counted(pipeline)} of {number}"
    )


def record_of(pipeline: Pipeline, video_id: str) -> dict[str, Any] | None:
    with redis.Redis.from_url(pipeline.settings.redis_url.get_secret_value()) as client:
        value = client.get(Keys(pipeline.settings.topic_prefix).engagement(video_id))
    return json.loads(value) if value else None


@pytest.mark.chaos
@pytest.mark.slow
def test_counts_survive_kills_and_an_older_store(kafka: str, lasting_redis: RedisServer, tmp_path: Path) -> None:
    """Killed workers, a killed Redis, a Redis from an older copy and an empty one: counts equal a recount."""
    pipeline = create(tmp_path, kafka, lasting_redis.url)
    names, now, rounds = video_names(40), time.time(), 4_000
    try:
        publish_events(pipeline.settings, engagement_stream(names, rounds, now, 1))
        worker = pipeline.start_worker("first", roles="engagement", wait=False)
        await_counted(pipeline, 1)
        worker.kill()
        older = lasting_redis.snapshot("older")
        publish_events(pipeline.settings, engagement_stream(names, rounds, now, 2))
        pipeline.start_worker("second", roles="engagement", wait=False)
        await_counted(pipeline, 2 * rounds)
        lasting_redis.restart(snapshot=older)
        publish_events(pipeline.settings, engagement_stream(names, rounds, now, 3))
        await_counted(pipeline, 3 * rounds)
        assert differences(pipeline.settings) == []
        lasting_redis.restart(keep_state=False)
        publish_events(pipeline.settings, engagement_stream(names, 100, now, 4))
        await_counted(pipeline, 3 * rounds + 100)
        assert differences(pipeline.settings) == []
    finally:
        pipeline.close()


def test_each_wrong_event_is_a_dead_letter_and_summaries_are_few(kafka: str, redis_url: str, tmp_path: Path) -> None:
    """Wrong events change no count and are kept whole; a forgotten video gets none; summaries are few."""
    pipeline = create(tmp_path, kafka, redis_url, engagement_summary_seconds="2")
    keys = Keys(pipeline.settings.topic_prefix)
    try:
        with redis.Redis.from_url(redis_url) as client:
            client.set(keys.guard("gone"), "1")
            client.hset(keys.status("known"), "status", "final")
        again = {**_NOW(), "event_id": "again"}
        send(
            pipeline,
            again,
            again,
            {**again, "kind": "like"},
            {"event_id": "negative", "watch_seconds": -1},
            {"event_id": "ahead", "event_unix_seconds": time.time() + 86_400},
            b"not json",
            {"event_id": "elsewhere", "video_id": "v2"},
        )
        send(pipeline, {"event_id": "1", "video_id": "gone"}, key="gone")
        send(pipeline, {"event_id": "1", "video_id": "known"}, key="known")
        pipeline.start_worker(roles="engagement")
        await_counted(pipeline, 9)
        causes = sorted(letter.cause for letter in pipeline.await_dead_letters(5, WAIT_SECONDS))
        assert causes == ["event-id-reused", "event-invalid", "event-invalid", "event-invalid", "event-not-json"]
        found = record_of(pipeline, "v1")
        assert found is not None
        assert found["counts"] == {"view": 1}
        assert record_of(pipeline, "gone") is None
        with redis.Redis.from_url(redis_url) as client:
            assert 0 < client.ttl(keys.engagement("v1")) <= 86_400 < client.ttl(keys.engagement("known"))
        began = time.monotonic()
        for number in range(10):
            send(pipeline, *({"event_id": f"many-{number}-{each}"} for each in range(4)))
        await_counted(pipeline, 49)

        def told() -> list[EngagementSummary] | None:
            summaries = [fact for fact in pipeline.facts() if isinstance(fact, EngagementSummary)]
            of_video = [fact for fact in summaries if fact.video_id == "v1"]
            return of_video if of_video and of_video[-1].counts == {"view": 41} else None

        of_video = await_value(told, WAIT_SECONDS, lambda: f"{pipeline.facts()}")
        assert len(of_video) <= 2 + (time.monotonic() - began) / 2.0  # a summary before, and one at either end
        assert of_video[-1].rates.keys() >= {"like_rate", "report_rate"}
    finally:
        pipeline.close()
