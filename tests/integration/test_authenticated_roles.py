"""Kafka and Redis that ask who one is: each role gets its work done under its own user."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from confluent_kafka import Consumer, Producer

from ops.access.kafka_acls import user_of
from ops.access.roles import find_roles
from ops.local.worker_process import WorkerProcess
from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.engagement import EngagementEvent
from schemas.topics import DEAD_LETTER, ENGAGEMENT, MODERATION, TOPICS
from schemas.uploads import DeletionRequested
from streams.backfill.progress import backfill_offsets
from streams.config.settings import Settings
from streams.kafka.clients import client_configuration, producer_configuration, read_to_end
from streams.kafka.readers_topics import decode_verdict
from streams.kafka.topic_admin import check_topics
from streams.store.keys import Keys
from streams.store.readers import VideoReading, read_video
from streams.store.refusal_reading import read_refusals
from tests.integration.authenticated_stack import ASK_SECONDS, PREFIX, AuthenticatedStack, ask_store
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

CLIPS = ("car-telephone.mkv", "crowd.mp3")
VIDEO_IDS = (*CLIPS, "patient")
"""Of those two in the live lane, and of one in the other."""
WORKERS = ("media", "backfill", "intake", "verdict", "engagement")
WORK_SECONDS = 240.0
"""For what workers do, on a machine under load."""


@pytest.fixture(scope="module")
def workers(stack: AuthenticatedStack, samples: Path) -> Iterator[list[WorkerProcess]]:
    """A worker a role, each under its own user; ready."""
    started = [stack.worker(role, media_roots=str(samples), metrics_port="0") for role in WORKERS]
    try:
        for worker in started:
            worker.start()
        for worker in started:
            worker.await_ready()
        yield started
    finally:
        for worker in started:
            worker.close()


class TestEveryRoleDoesItsWork:
    def test_uploads_get_their_verdicts(
        self, stack: AuthenticatedStack, workers: list[WorkerProcess], samples: Path
    ) -> None:
        """A producer publishes in both lanes, workers work, readers of Redis and topic see it: each as itself."""
        producer = Pipeline(stack.settings("producer"), {}, stack.folder)
        producer.publish(*(upload_of(samples / clip, clip) for clip in CLIPS))
        producer.publish(upload_of(samples / CLIPS[1], "patient", lane="backfill"))
        ranker, keys = stack.settings("reader-recommender"), Keys(PREFIX)

        def final() -> list[VideoReading] | None:
            for worker in workers:
                worker.child.require_alive()
            readings = [ask_store(ranker, lambda store, name=name: read_video(store, keys, name)) for name in VIDEO_IDS]
            decided = all(reading and reading.status["status"] == "final" for reading in readings)
            return readings if decided else None

        readings = await_value(final, WORK_SECONDS, lambda: "not every clip has a final verdict")
        assert all(reading.features and reading.embeddings for reading in readings)
        assert followed_verdicts(stack.settings("reader-safety")) == {
            reading.verdict.video_id: reading.verdict for reading in readings if reading.verdict
        }
        assert refused_requests(stack, workers) == []

    def test_poison_deletions_and_engagement(
        self, stack: AuthenticatedStack, workers: list[WorkerProcess], samples: Path
    ) -> None:
        """What is rarer than an upload is allowed as well: a dead letter, an act of a viewer, a deletion."""
        producer = Pipeline(stack.settings("producer"), {}, stack.folder)
        operator, keys = stack.settings("operator"), Keys(PREFIX)
        producer.publish(upload_of(samples / CLIPS[1], "liked"), upload_of(samples / CLIPS[1], "unwanted"))
        producer.publish_bytes(b"no event", "poison")
        act(stack, "liked")
        status = keys.status("unwanted")
        await_value(
            lambda: ask_store(operator, lambda store: store.exists(status)) or None,
            WORK_SECONDS,
            lambda: "not taken in",
        )
        producer.publish_bytes(encode(DeletionRequested(video_id="unwanted", deleted=True)), "unwanted")

        def all_is_done() -> bool | None:
            for worker in workers:
                worker.child.require_alive()
            counted, kept = ask_store(
                operator, lambda store: store.mget(keys.engagement("liked"), keys.deletion_marker("unwanted"))
            )
            return bool(counted and kept and b"poison" in dead_letter_keys(operator)) or None

        await_value(all_is_done, WORK_SECONDS, lambda: "not all of it was done")
        as_producer = stack.settings("producer")
        [told] = await_value(
            lambda: ask_store(as_producer, lambda store: read_refusals(store, keys, "poison")) or None,
            WORK_SECONDS,
            lambda: "the sender was not told",
        )
        assert told.cause == "event-not-json"
        assert refused_requests(stack, workers) == []

    def test_operator_reads_every_topic(self, stack: AuthenticatedStack) -> None:
        """Contracts are checked, and topics read as they lie, under the operator's user."""
        operator = stack.settings("operator")
        assert [item.topic for item in check_topics(operator) if item.problems] == []
        assert list(read_to_end(operator, [PREFIX + topic.name for topic in TOPICS])) is not None
        assert backfill_offsets(operator) is not None


def refused_requests(stack: AuthenticatedStack, workers: list[WorkerProcess]) -> list[object]:
    """What Redis or Kafka had to refuse to one of the workers: where the table gives enough, nothing."""
    with redis.Redis.from_url(stack.redis.url, decode_responses=True) as administrator:
        log = administrator.execute_command("ACL", "LOG", "100")
    users = {user_of(stack.settings(role), find_roles(role)[0]) for role in WORKERS}
    said = [line for worker in workers for line in worker.child.log_path.read_text(encoding="utf-8").splitlines()]
    return [
        *(entry for entry in log if entry["username"] in users and entry["reason"] in ("command", "key")),
        *(line for line in said if "authoriz" in line.lower() or "authentication failed" in line),
    ]


def dead_letter_keys(operator: Settings) -> set[bytes | None]:
    """Keys of the events that dead letters are of; other tests leave some."""
    records = read_to_end(operator, [PREFIX + DEAD_LETTER.name])
    return {msgspec.json.decode(record.value, type=DeadLetter).key for record in records if record.value}


def act(stack: AuthenticatedStack, video_id: str) -> None:
    """One viewer likes a video, told by a client under its own user."""
    liked = EngagementEvent(event_id="e-1", video_id=video_id, kind="like", event_unix_seconds=time.time())
    producer = Producer(producer_configuration(stack.settings("producer-engagement")))
    producer.produce(PREFIX + ENGAGEMENT.name, key=video_id, value=encode(liked))
    assert producer.flush(ASK_SECONDS) == 0


def followed_verdicts(settings: Settings) -> dict[str, Any]:
    """What a member of a group of the safety readers sees."""
    consumer = Consumer(
        {**client_configuration(settings), "group.id": f"{PREFIX}safety-tests", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([PREFIX + MODERATION.name])
    verdicts: dict[str, Any] = {}

    def follow() -> dict[str, Any] | None:
        while (message := consumer.poll(0.2)) is not None:
            assert message.error() is None, message.error()
            if message.key().decode() in VIDEO_IDS:
                verdicts[message.key().decode()] = decode_verdict(message.value())
        final = {name for name, verdict in verdicts.items() if verdict.status == "final"}
        return verdicts if final == set(VIDEO_IDS) else None

    try:
        return await_value(follow, WORK_SECONDS, lambda: f"seen so far: {verdicts}")
    finally:
        consumer.close()
