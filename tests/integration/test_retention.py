"""Retention on a real broker and a real store: what the settings say is what is kept."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from confluent_kafka import Producer
from redis.asyncio import Redis

from schemas.codec import decode_fact, encode
from schemas.facts import Accepted
from schemas.identity import MODALITIES
from schemas.topics import BACKFILL, ENGAGEMENT, SIGNALS, UPLOADED
from schemas.uploads import FileSource, VideoUploaded
from streams.config.settings import Settings, read_settings
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.delivery.admission import Slot
from streams.intake.intake import AcceptanceRules, Intake, IntakeParts
from streams.kafka.clients import StoredRecord, producer_configuration, read_to_end
from streams.kafka.stamps import check_stamps
from streams.kafka.topic_admin import check_topics, create_topics, stamps_of, update_topics
from streams.record import Place, Record
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.video_statuses import Registered
from tests.fakes import ManualClock, MemoryPublisher
from tests.integration.verdict_world import RULESET
from tests.pipeline import await_value
from tests.sample_facts import VIDEO_ID, accepted, signal
from tests.unique_topics import UniqueTopics

TEN_DAYS_SECONDS = 864_000
KNOWN_SECONDS = 60.0
HALF_A_DAY_SECONDS = 43_200.0
CONTEXT = FoldContext(RULESET.policy, RULESET.prices, 0, 1_700_000_010.0)


def are_known(settings: Settings) -> bool | None:
    """Whether the broker tells of all topics; what it has confirmed may still be on its way into its metadata."""
    return True if all(finding.partitions for finding in check_topics(settings)) else None


class TestTopics:
    def test_are_created_and_checked_by_the_settings(self, kafka: str, topics: UniqueTopics) -> None:
        """A topic made under other settings is one that differs, and both times are quoted."""
        prefix = topics.name("kept.")

        def settings(**changed: int) -> Settings:
            return read_settings(kafka_bootstrap_servers=kafka, topic_prefix=prefix, **changed)

        longer = settings(topic_retention_uploaded_seconds=TEN_DAYS_SECONDS)
        create_topics(longer, partitions=1, replication=1)
        await_value(lambda: are_known(longer), KNOWN_SECONDS, lambda: f"{check_topics(longer)}")
        assert [finding for finding in check_topics(longer) if finding.problems] == []
        differing = {finding.topic: finding.problems for finding in check_topics(settings()) if finding.problems}
        said = ("retention.ms is 864000000, contract says 604800000",)
        assert differing == {prefix + topic.name: said for topic in (UPLOADED, BACKFILL)}


class TestStamps:
    """Whose clock stamps what clients write."""

    async def test_no_producers_clock_moves_a_deadline(self, kafka: str, topics: UniqueTopics) -> None:
        """A day behind or a day ahead: the broker's time is what the deadline counts from."""
        settings = read_settings(kafka_bootstrap_servers=kafka, topic_prefix=topics.name("stamped."))
        create_topics(settings, partitions=1, replication=1)
        await_value(lambda: are_known(settings), KNOWN_SECONDS, lambda: f"{check_topics(settings)}")
        producer, now_unix_seconds = Producer(producer_configuration(settings)), time.time()
        upload = VideoUploaded(video_id="v", source=FileSource(path="v.mp4"), deadline_seconds=60.0)
        for day_seconds in (-86_400.0, 86_400.0):
            stamp = int((now_unix_seconds + day_seconds) * 1000)
            producer.produce(settings.topic_prefix + UPLOADED.name, encode(upload), key="v", timestamp=stamp)
        assert producer.flush(KNOWN_SECONDS) == 0
        for found in read_to_end(settings, [settings.topic_prefix + UPLOADED.name]):
            assert abs(found.timestamp_unix_seconds - now_unix_seconds) < HALF_A_DAY_SECONDS
            fact = await accepted_by_intake(found)
            assert fact.uploaded_unix_seconds == found.timestamp_unix_seconds
            assert abs(fact.deadline_unix_seconds - now_unix_seconds) < HALF_A_DAY_SECONDS

    async def test_topics_of_older_releases_are_updated(self, kafka: str, topics: UniqueTopics) -> None:
        """They bear their producers' time until `topics update`, and a worker reports it when it starts."""
        settings = read_settings(kafka_bootstrap_servers=kafka, topic_prefix=topics.name("old."))
        uploaded, engagement = (settings.topic_prefix + topic.name for topic in (UPLOADED, ENGAGEMENT))
        for topic in (UPLOADED, ENGAGEMENT):
            older = replace(topic, is_stamped_by_broker=False)
            topics.create(f"old.{topic.name}", partitions=1, settings=older.configuration())
        await_value(lambda: stamps_of(settings, UPLOADED), KNOWN_SECONDS, lambda: "no broker tells its settings")
        await_value(lambda: stamps_of(settings, ENGAGEMENT), KNOWN_SECONDS, lambda: "no broker tells its settings")
        assert await check_stamps(settings) == [uploaded, engagement]
        changed = update_topics(settings)
        assert changed == dict.fromkeys((uploaded, engagement), ("message.timestamp.type",))
        await_value(lambda: update_topics(settings) == {} or None, KNOWN_SECONDS, lambda: "settings differ for ever")
        assert await check_stamps(settings) == []


async def accepted_by_intake(found: StoredRecord) -> Accepted:
    """The fact that intake makes of a record of uploads."""
    publisher = MemoryPublisher()
    store: Any = AnyStore()
    parts = IntakeParts(store, store, publisher, store, ManualClock())  # type: ignore[arg-type]
    intake = Intake(parts, AcceptanceRules(MODALITIES, {"live": 600.0, "backfill": 600.0}))
    place = Place(found.topic, found.partition, found.offset)
    record = Record(place, found.key, found.value, found.headers, found.timestamp_unix_seconds, generation=1)
    await intake.run(record, Slot(place, 1))
    (published,) = publisher.of(SIGNALS)
    fact = decode_fact(published.value)
    assert isinstance(fact, Accepted)
    return fact


class AnyStore:
    """Registers whatever comes."""

    async def register(self, _: object) -> Registered:
        return Registered.WRITTEN


class TestStore:
    async def test_a_video_outlives_the_log(self, redis_url: str) -> None:
        """Nothing that is known of a decided video expires, so it does not end with its facts in the log."""
        keys, state = Keys(), None
        async with Redis.from_url(redis_url) as redis:
            outcomes = Outcomes(redis, keys)
            for offset, fact in enumerate((accepted(expected=("frames",)), signal("frames"))):
                folded = fold(state, fact, offset, CONTEXT)
                assert folded.state is not None
                assert await outcomes.replace(VIDEO_ID, state, folded.state, folded.outcome)
                state = folded.state
            kept = (keys.state, keys.status, keys.verdict, keys.features, keys.embeddings)
            assert [await redis.ttl(key(VIDEO_ID)) for key in kept] == [-1] * len(kept)
