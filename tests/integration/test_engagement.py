"""Engagement on a real Kafka and a real Redis: counts equal a recount whatever dies; what is wrong is a dead letter."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from ops.bench.engagement import differences
from ops.engagement_stream import engagement_stream, publish_events, video_names
from ops.local.metrics_page import read_metrics
from ops.local.redis_server import RedisServer
from ops.local.worker_process import WorkerProcess
from schemas.facts import DeadlinePassed, EngagementSummary
from schemas.outcomes import RecommendationRecord, Verdict
from schemas.topics import ENGAGEMENT
from streams.kafka.clients import client_configuration, producer_configuration
from streams.store.keys import Keys
from tests.documents import DOCS, code_blocks, section
from tests.pipeline import Pipeline, await_value, upload_of

WAIT_SECONDS = 120.0
NUM_REPORTS = 30
LOST = "vidsignal_records_lost_total"
REVIEW_LINE = code_blocks(section(DOCS["trust-and-safety.md"], "Review"), "sh")[0]


@pytest.fixture
def lasting_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of one test alone, which keeps what it confirmed."""
    with RedisServer(tmp_path / "redis", persistent=True) as server:
        yield server


def create(
    folder: Path, kafka: str, redis_url: str, *, media_roots: tuple[Path, ...] = (), **environment: str
) -> Pipeline:
    return Pipeline.create(
        folder, bootstrap_servers=kafka, redis_url=redis_url, media_roots=media_roots, partitions=2, **environment
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
    pipeline = create(tmp_path, kafka, redis_url, engagement_summary_interval_seconds="2")
    keys = Keys(pipeline.settings.topic_prefix)
    try:
        with redis.Redis.from_url(redis_url) as client:
            client.set(keys.deletion_marker("gone"), "1")
            client.hset(keys.status("known"), "status", "final")
            client.hset(keys.state("v1"), "outcome", "there is one")
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
        causes = sorted(dead_letter.cause for dead_letter in pipeline.await_dead_letters(5, WAIT_SECONDS))
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


def test_counts_that_come_before_their_upload_are_in_its_record(kafka: str, redis_url: str, tmp_path: Path) -> None:
    """Nothing is said of a video that nobody accepted; with its first decision the record has all counts, for long."""
    pipeline = create(tmp_path, kafka, redis_url, engagement_summary_interval_seconds="1")
    keys = Keys(pipeline.settings.topic_prefix)
    try:
        worker = pipeline.start_worker(roles="intake,verdict,engagement")
        started = psutil.Process(worker.child.pid)
        family = (started, *started.children(recursive=True))  # the one that works may be a child
        mapped = {Path(mapping.path).name for process in family for mapping in process.memory_maps()}
        assert any("librdkafka" in name for name in mapped)
        assert not any("libtorch" in name or "libav" in name for name in mapped)  # light roles do without
        send(pipeline, *({"event_id": f"{number}", "video_id": "early"} for number in range(5)), key="early")
        await_counted(pipeline, 5)
        with redis.Redis.from_url(redis_url) as client:
            (due,) = client.zrange(keys.engagement_due(partition_of(pipeline, "early")), 0, -1, withscores=True)
            await_value(
                lambda: True if due_of(client, keys, pipeline) > due[1] else None, WAIT_SECONDS, lambda: f"{due}"
            )
        assert pipeline.facts() == []
        pipeline.publish(upload_of("nobody-looks", "early", deadline_seconds=1.0))

        def told() -> RecommendationRecord | None:
            pipeline.require_workers()
            record = pipeline.feature_records().get("early")
            return record if record is not None and record.engagement is not None else None

        record = await_value(told, WAIT_SECONDS, lambda: f"{pipeline.facts()}")
        assert (record.status, record.engagement.counts if record.engagement else None) == ("provisional", {"view": 5})
        assert sum(isinstance(fact, DeadlinePassed) for fact in pipeline.facts()) == 1
        with redis.Redis.from_url(redis_url) as client:
            assert client.ttl(keys.engagement("early")) > 86_400
            assert client.zcard(keys.deadlines()) == 0
    finally:
        pipeline.close()


def partition_of(pipeline: Pipeline, key: str) -> int:
    """Where the events of a video lie."""
    return next(record.partition for record in pipeline.records(ENGAGEMENT.name) if record.key == key.encode())


def due_of(client: Any, keys: Keys, pipeline: Pipeline) -> float:
    """When the summary of the early video is looked at next."""
    return float(client.zscore(keys.engagement_due(partition_of(pipeline, "early")), "early"))


def test_records_that_retention_removed_are_told(kafka: str, redis_url: str, tmp_path: Path) -> None:
    """What the log no longer holds of what was not counted is a number and an error; the rest is counted."""
    pipeline = create(tmp_path, kafka, redis_url, metrics_port="0")
    topic = pipeline.topic(ENGAGEMENT.name)
    try:
        send(pipeline, *({"event_id": f"{number}"} for number in range(6)))
        partition = next(record.partition for record in pipeline.records(ENGAGEMENT.name))
        with redis.Redis.from_url(redis_url) as client:
            client.set(Keys(pipeline.settings.topic_prefix).engagement_offset(topic, partition), 1)
        admin = AdminClient(client_configuration(pipeline.settings))
        for removal in admin.delete_records([TopicPartition(topic, partition, 4)]).values():
            removal.result(WAIT_SECONDS)
        worker = pipeline.start_worker(roles="engagement")
        await_counted(pipeline, 6)
        found = record_of(pipeline, "v1")
        assert found is not None
        assert found["counts"] == {"view": 2}
        port = worker.ready["metrics_port"]
        await_value(
            lambda: True if read_metrics(port).total(LOST, role="engagement", topic=topic) == 3 else None,
            WAIT_SECONDS,
            lambda: f"{read_metrics(port).total(LOST)} records lost, expected 3",
        )
        await_logged(worker, "engagement events lost")
    finally:
        pipeline.close()


def await_logged(worker: WorkerProcess, words: str) -> None:
    """Wait until a worker's log holds these words."""
    log_path = worker.child.log_path
    await_value(lambda: True if words in log_path.read_text() else None, WAIT_SECONDS, worker.child.log_tail)


def test_reports_ask_for_a_review_and_a_person_has_the_last_word(
    kafka: str, redis_url: str, samples: Path, tmp_path: Path
) -> None:
    """An allowed upload that viewers report goes to review; who reviews it decides, and more reports change nothing."""
    pipeline = create(tmp_path, kafka, redis_url, media_roots=(samples,), engagement_summary_interval_seconds="1")
    try:
        pipeline.start_worker()
        pipeline.publish(upload_of(samples / "small.mp4", "v-42", title="A field"))
        allowed = pipeline.await_verdicts(["v-42"], WAIT_SECONDS)["v-42"]
        assert allowed.action == "allow"
        report(pipeline, "first")
        spiked = await_action(pipeline, "review")
        assert spiked.version > allowed.version
        assert spiked.reasons[0].words.startswith("Viewers report it")
        await_reports(pipeline, NUM_REPORTS)
        reviewed = pipeline.command(*shlex.split(REVIEW_LINE)[1:])
        assert (reviewed.returncode, reviewed.stdout) == (0, "v-42 revision 1 is allow by ann\n"), reviewed.stderr
        verdict = await_action(pipeline, "allow")
        assert verdict.reviewed is not None
        assert (verdict.reviewed.reviewer, verdict.reviewed.policy_action) == ("ann", "review")
        report(pipeline, "second")
        after = await_reports(pipeline, 2 * NUM_REPORTS)
        assert (after.action, after.version > verdict.version) == ("allow", True)
        reading = pipeline.reading("v-42")
        assert reading is not None
        assert (reading.status["action"], reading.engagement) == (
            "allow",
            pipeline.feature_records()["v-42"].engagement,
        )
    finally:
        pipeline.close()


def report(pipeline: Pipeline, name: str) -> None:
    """So many viewers report the video."""
    events = ({"event_id": f"{name}-{number}", "video_id": "v-42", "kind": "report"} for number in range(NUM_REPORTS))
    send(pipeline, *events, key="v-42")


def await_action(pipeline: Pipeline, action: str) -> Verdict:
    """The newest verdict, once its action is this."""

    def decided() -> Verdict | None:
        pipeline.require_workers()
        verdict = pipeline.verdicts()["v-42"]
        return verdict if verdict.action == action else None

    return await_value(decided, WAIT_SECONDS, lambda: f"{pipeline.verdicts()}")


def await_reports(pipeline: Pipeline, number: int) -> Verdict:
    """The newest verdict, once the feature record of its version counts so many reports, and nothing else."""

    def counted_in() -> Verdict | None:
        pipeline.require_workers()
        verdict, record = pipeline.verdicts()["v-42"], pipeline.feature_records().get("v-42")
        if record is None or record.engagement is None or record.version != verdict.version:
            return None
        return verdict if record.engagement.counts == {"report": number} else None

    return await_value(counted_in, WAIT_SECONDS, lambda: f"{pipeline.feature_records()}")
