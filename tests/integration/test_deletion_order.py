"""Deletions that name no revision, in bursts next to uploads, while Redis stands still, dies or is empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ops.local.redis_server import RedisServer
from schemas.codec import encode
from schemas.facts import Deleted
from schemas.topics import MODERATION, RECOMMENDATION, UPLOADED
from schemas.uploads import DeletionRequested, VideoUploaded
from streams.config.settings import read_settings
from streams.kafka.clients import producer_configuration
from streams.kafka.topic_ids import topic_facts
from streams.store.keys import Keys
from tests.pipeline import Pipeline, await_value, upload_of

SETTLED_SECONDS = 180.0
NUM_VIDEOS = 20
LIVES, DIES = "delete-then-r2", "r2-then-delete"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that is paused, killed and emptied."""
    with RedisServer(tmp_path_factory.mktemp("redis"), persistent=True) as redis:
        yield redis


@pytest.fixture
def pipeline(tmp_path: Path, kafka: str, server: RedisServer) -> Iterator[Pipeline]:
    """Topics; no worker runs yet."""
    with Pipeline.opened(tmp_path, bootstrap_servers=kafka, redis_url=server.url, media_roots=[tmp_path]) as made:
        yield made


def names(group: str, ending: str) -> list[str]:
    return [f"{group}-{ending}-{number}" for number in range(NUM_VIDEOS)]


def deletion_of(video_id: str) -> DeletionRequested:
    return DeletionRequested(video_id=video_id, deleted=True)


def dense_segment(pipeline: Pipeline, *events: VideoUploaded | DeletionRequested) -> None:
    """Publish in this order, as one producer does."""
    producer = Producer(producer_configuration(pipeline.settings))
    for event in events:
        producer.produce(pipeline.topic(UPLOADED.name), key=event.video_id, value=encode(event))
    assert producer.flush(60.0) == 0


def events_of(group: str) -> list[VideoUploaded | DeletionRequested]:
    """Of each pair of videos one is deleted before its second revision, and one after it."""
    events: list[VideoUploaded | DeletionRequested] = []
    for lives, dies in zip(names(group, LIVES), names(group, DIES), strict=True):
        events += [deletion_of(lives), upload_of("v.mp4", lives, revision=2)]
        events += [upload_of("v.mp4", dies, revision=2), deletion_of(dies)]
    return events


def publish_first(pipeline: Pipeline, *groups: str) -> None:
    """The first revision of every video, and wait until the fold has it."""
    videos = [name for group in groups for ending in (LIVES, DIES) for name in names(group, ending)]
    dense_segment(pipeline, *(upload_of("v.mp4", video_id) for video_id in videos))
    pipeline.await_handled("intake", "verdict")


def await_deletions(pipeline: Pipeline, group: str) -> None:
    """Wait until intake has said all deletions of a group."""

    def said() -> bool | None:
        found = {fact.video_id for fact in pipeline.facts() if isinstance(fact, Deleted)}
        return True if found >= {*names(group, LIVES), *names(group, DIES)} else None

    await_value(said, SETTLED_SECONDS, lambda: f"not all deletions of {group} are in the log of facts")


def wrong_videos(pipeline: Pipeline, group: str) -> list[str]:
    """Videos of a group that live and should not, or should and do not, in Redis or in either topic."""
    living = {
        record.key.decode(): record.value is not None
        for topic in (MODERATION, RECOMMENDATION)
        for record in pipeline.records(topic.name)
        if record.key is not None
    }
    keys = Keys(pipeline.settings.topic_prefix)

    async def ask(store):  # type: ignore[no-untyped-def]
        found = {}
        for name in (*names(group, LIVES), *names(group, DIES)):
            revision = await store.hget(keys.status(name), "revision")
            found[name] = (int(revision or 0), int(await store.get(keys.deletion_marker(name)) or 0), living.get(name))
        return found

    found = pipeline.ask_store(ask)
    expected = dict.fromkeys(names(group, LIVES), (2, 0, True)) | dict.fromkeys(names(group, DIES), (0, 2, False))
    return sorted(name for name in expected if found[name] != expected[name])


class TestEventBursts:
    """Deletions and uploads in one breath."""

    def test_each_keeps_its_place_whatever_redis_does(self, pipeline: Pipeline, server: RedisServer) -> None:
        """No deletion waits for the store, and none is mistaken about what came before it."""
        pipeline.start_worker(roles="intake,verdict")
        publish_first(pipeline, "calm", "paused", "killed")
        dense_segment(pipeline, *events_of("calm"))
        pipeline.await_handled("intake", "verdict")
        self._while_unavailable(pipeline, "paused", server.child.pause, server.child.resume)
        self._while_unavailable(pipeline, "killed", server.kill, server.restart)
        wrong = {group: wrong_videos(pipeline, group) for group in ("calm", "paused", "killed")}
        assert wrong == {"calm": [], "paused": [], "killed": []}

    def _while_unavailable(
        self, pipeline: Pipeline, group: str, go: Callable[[], None], return_: Callable[[], None]
    ) -> None:
        """All deletions reach the log of facts while no upload does: their order there is the wrong one."""
        go()
        try:
            dense_segment(pipeline, *events_of(group))
            await_deletions(pipeline, group)
        finally:
            return_()
        pipeline.await_handled("intake", "verdict")

    def test_a_deletion_means_the_same_while_redis_is_empty(self, pipeline: Pipeline, server: RedisServer) -> None:
        """Before the rebuild intake knows of no revision, and after it the fold knows them all."""
        worker = pipeline.start_worker(roles="intake,verdict")
        publish_first(pipeline, "empty")
        dense_segment(pipeline, *(upload_of("v.mp4", name, revision=2) for name in names("empty", DIES)))
        pipeline.await_handled("intake", "verdict")
        worker.close()
        server.kill()
        server.restart(keep_state=False)
        intake = pipeline.start_worker("intake", roles="intake")
        lives = names("empty", LIVES)
        dense_segment(pipeline, *(deletion_of(name) for name in (*names("empty", DIES), *lives)))
        dense_segment(pipeline, *(upload_of("v.mp4", name, revision=2) for name in lives))
        pipeline.await_handled("intake")
        intake.close()
        assert pipeline.command("rebuild").returncode == 0
        pipeline.start_worker("again", roles="intake,verdict")
        pipeline.await_handled("verdict")
        dense_segment(pipeline, *(upload_of("v.mp4", name) for name in (*names("empty", DIES), *lives)))
        pipeline.await_handled("intake", "verdict")
        assert self._unwithdrawn(pipeline) == []
        assert wrong_videos(pipeline, "empty") == []

    def _unwithdrawn(self, pipeline: Pipeline) -> list[str]:
        keys = Keys(pipeline.settings.topic_prefix)

        async def ask(store):  # type: ignore[no-untyped-def]
            return [name for name in names("empty", DIES) if await store.exists(keys.verdict(name), keys.status(name))]

        return pipeline.ask_store(ask)


class TestTelling:
    """What somebody who deletes is told."""

    def test_by_command_and_by_record_alike(self, pipeline: Pipeline) -> None:
        """What was withdrawn, that nothing was known, and that a later upload stays."""
        pipeline.start_worker(roles="intake,verdict")
        dense_segment(pipeline, upload_of("v.mp4", "known"), upload_of("v.mp4", "reborn"))
        pipeline.await_handled("intake", "verdict")
        told = pipeline.command("forget", "known")
        assert (told.returncode, told.stdout.strip()) == (0, "known is forgotten")
        assert "forgotten up to revision 1, revision 1 was withdrawn" in told.stderr
        told = pipeline.command("forget", "stranger")
        assert told.returncode == 0
        assert told.stdout.startswith("nothing was known of stranger")
        dense_segment(pipeline, deletion_of("reborn"), upload_of("v.mp4", "reborn", revision=2))
        pipeline.await_handled("intake", "verdict")
        shown = pipeline.command("show", "stranger")
        assert shown.returncode == 1
        assert f"deletion at {pipeline.topic(UPLOADED.name)}/" in shown.stderr
        assert "forgotten up to revision 1, nothing was known of the video" in shown.stderr
        shown = pipeline.command("show", "reborn", "--json")
        assert (shown.returncode, '"deletion"' in shown.stdout, '"revision":"2"' in shown.stdout) == (0, True, True)


class TestTopicId:
    """Which topic a name stands for."""

    def test_a_topic_that_is_created_again_is_another(self, kafka: str) -> None:
        """Its offsets begin again, so places of before have no order with those of now."""
        settings = read_settings(kafka_bootstrap_servers=kafka)
        admin, topic = AdminClient({"bootstrap.servers": kafka}), f"again-{uuid4().hex[:10]}"
        ids = []
        for _ in range(2):
            await_value(lambda: self._create(admin, topic), 60.0, lambda: f"{topic} is not created")
            ids.append(await_value(lambda: self._id(settings, topic), 60.0, lambda: f"{topic} has no id"))
            admin.delete_topics([topic], operation_timeout=30)[topic].result(60.0)
        assert ids[0] != ids[1]

    def _create(self, admin: AdminClient, topic: str) -> bool | None:
        try:
            admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(60.0)
        except KafkaException:
            return None
        return True

    def _id(self, settings, topic: str) -> str | None:  # type: ignore[no-untyped-def]
        try:
            return topic_facts(settings, topic).topic_id
        except KafkaException:
            return None
