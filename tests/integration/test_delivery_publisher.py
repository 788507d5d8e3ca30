"""Publishing on a real Kafka."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from ops.local.kafka_server import KafkaCluster
from ops.local.scratch import scratch_dir
from schemas.topics import SIGNALS, UPLOADED
from streams.config.settings import Settings, read_settings
from streams.kafka.clients import producer_configuration, read_to_end
from streams.kafka.publisher import Publisher, RecordTooLarge
from tests.unique_topics import UniqueTopics

OLDEST = "vidsignal_oldest_unconfirmed_record_seconds"
HEADERS = (("b", b"\x00"), ("a", b"1"), ("b", b"2"))


@pytest.fixture
def settings(topics: UniqueTopics) -> Settings:
    """Of a stack whose only topic is the log."""
    topics.create(SIGNALS.name, partitions=4)
    return read_settings(kafka_bootstrap_servers=topics.bootstrap_servers, topic_prefix=f"{topics.prefix}.")


@pytest.fixture
async def publisher(settings: Settings) -> AsyncIterator[Publisher]:
    """As a worker opens it."""
    opened = Publisher(producer_configuration(settings), settings.topic_prefix)
    yield opened
    await opened.close()


class TestPublisher:
    async def test_returns_when_the_record_is_there(self, publisher: Publisher, settings: Settings) -> None:
        """What was published can be read at once: key, value, headers in order with duplicates."""
        await publisher.publish(SIGNALS, "video", b"value", headers=HEADERS)
        records = list(read_to_end(settings, [settings.topic_prefix + SIGNALS.name]))
        assert [(record.key, record.value, record.headers) for record in records] == [(b"video", b"value", HEADERS)]

    async def test_one_video_one_partition(self, publisher: Publisher, settings: Settings) -> None:
        """All records of a key share the partition that murmur2 gives it, as the Java clients have it."""
        from aiokafka.partitioner import murmur2

        await asyncio.gather(*(publisher.publish(SIGNALS, f"v{n % 8}", b"{}") for n in range(64)))
        records = list(read_to_end(settings, [settings.topic_prefix + SIGNALS.name]))
        assert len(records) == 64
        assert {record.partition == (murmur2(record.key) & 0x7FFFFFFF) % 4 for record in records} == {True}

    async def test_too_large_is_an_error(self, publisher: Publisher) -> None:
        """A record that its topic cannot take is refused, with its size and what is allowed."""
        with pytest.raises(RecordTooLarge, match=f"at most {SIGNALS.max_message_bytes}"):
            await publisher.publish(SIGNALS, "video", b"x" * SIGNALS.max_message_bytes)

    async def test_what_the_broker_refuses_for_its_size_is_an_error(
        self, publisher: Publisher, topics: UniqueTopics
    ) -> None:
        """A topic that was made with a lower limit than its contract refuses; that is not tried again."""
        topics.create(UPLOADED.name, settings={"max.message.bytes": "1000"})
        with pytest.raises(RecordTooLarge, match=UPLOADED.name):
            await publisher.publish(UPLOADED, "video", os.urandom(10_000))

    async def test_close_sends_what_waits(self, settings: Settings) -> None:
        """Records that were handed over before the end are sent."""
        publisher = Publisher(producer_configuration(settings), settings.topic_prefix)
        sending = asyncio.ensure_future(publisher.publish(SIGNALS, "video", b"value"))
        await asyncio.sleep(0)
        await publisher.close()
        await sending
        (record,) = read_to_end(settings, [settings.topic_prefix + SIGNALS.name])
        assert (record.key, record.value) == (b"video", b"value")


class TestBrokerUnavailable:
    @pytest.mark.slow
    async def test_waits_for_an_unavailable_broker(self, kafka_jars: None) -> None:
        """A record that is published while the broker is down is confirmed when it is back, once; a metric tells."""
        from confluent_kafka.admin import AdminClient, NewTopic

        from ops.assets.cache import default_cache_dir

        with scratch_dir() as folder, KafkaCluster(folder / "kafka", default_cache_dir()) as cluster:
            admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
            admin.create_topics([NewTopic(SIGNALS.name, 1)])[SIGNALS.name].result(30)
            settings = read_settings(kafka_bootstrap_servers=cluster.bootstrap_servers)
            publisher = Publisher(producer_configuration(settings))
            await publisher.publish(SIGNALS, "video", b"before")
            node_id = cluster.node_ids[0]
            cluster.kill(node_id)
            sending = asyncio.ensure_future(publisher.publish(SIGNALS, "video", b"meanwhile"))
            async with asyncio.timeout(60):
                while (REGISTRY.get_sample_value(OLDEST) or 0.0) < 0.5:
                    await asyncio.sleep(0.05)
            assert sending.done() is False
            await asyncio.to_thread(cluster.restart, node_id)
            await asyncio.wait_for(sending, 180)
            assert REGISTRY.get_sample_value(OLDEST) == 0.0
            await publisher.close()
            values = [record.value for record in read_to_end(settings, [SIGNALS.name])]
            assert values == [b"before", b"meanwhile"]
