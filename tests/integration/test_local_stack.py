"""The local stack: both brokers speak Kafka, a real one survives its faults, and nothing stays behind."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import aiokafka
import psutil
import pytest
import redis
from aiokafka.errors import OffsetOutOfRangeError
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from ops.cli.exit_codes import ExitCode
from ops.local import embedded_broker
from ops.local.child import ChildDied
from ops.local.embedded_broker import EmbeddedBroker
from ops.local.kafka_server import KafkaCluster
from ops.local.stack import KafkaKind, LocalStack
from streams.config.settings import read_settings
from streams.kafka.topic_ids import TopicFacts, topic_facts
from tests.unique_topics import UniqueTopics

_MIB = 1024 * 1024
_WAIT_SECONDS = 180.0
# Tells its address and its children, then waits to be killed.
_STACK_OWNER = """
import json, sys
import psutil
from ops.local.stack import LocalStack
with LocalStack(sys.argv[1]) as stack:
    print(json.dumps([child.pid for child in psutil.Process().children(recursive=True)]), flush=True)
    sys.stdin.read()
"""


def _producer(bootstrap_servers: str) -> Producer:
    return Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "acks": "all",
            "message.max.bytes": 16 * _MIB,
            "partitioner": "murmur2_random",
        }
    )


def _publish(bootstrap_servers: str, topic: str, value: bytes) -> Message:
    """Publish to partition 0 and return the confirmed message."""
    confirmed: list[Message] = []

    def note(error: object, message: Message) -> None:
        assert error is None
        confirmed.append(message)

    producer = _producer(bootstrap_servers)
    producer.produce(topic, value, key=b"video", partition=0, on_delivery=note)
    assert producer.flush(_WAIT_SECONDS) == 0
    return confirmed[0]


def _read_first(bootstrap_servers: str, topic: str) -> bytes:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "reader", "fetch.message.max.bytes": 16 * _MIB}
    )
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    message = consumer.poll(_WAIT_SECONDS)
    consumer.close()
    assert message is not None
    return message.value()


def _watermarks(bootstrap_servers: str, topic: str) -> tuple[int, int]:
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "reader"})
    lowest, following = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=_WAIT_SECONDS)
    consumer.close()
    return lowest, following


class TestPartThatEnds:
    @pytest.mark.parametrize(("part", "name"), [("redis", "Redis"), ("broker", "the embedded broker")])
    def test_is_noticed(self, part: str, name: str) -> None:
        """By its name, and only once it has ended."""
        with LocalStack() as stack:
            stack.require_alive()
            assert stack._redis is not None
            child = stack._redis.child if part == "redis" else stack.kafka.children[0]
            child.kill()
            with pytest.raises(ChildDied, match=f"^{name} ended with -9"):
                stack.require_alive()

    def test_ends_the_command(self) -> None:
        """With the code of what cannot be reached, and its name; the other part is stopped."""
        command = [sys.executable, "-m", "ops.cli", "local", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                settings = json.loads(process.stdout.readline())
                parts = psutil.Process(process.pid).children(recursive=True)
                with redis.Redis.from_url(settings["VIDSIGNAL_REDIS_URL"]) as client:
                    client.shutdown(nosave=True)
                _, said = process.communicate(timeout=_WAIT_SECONDS)
            finally:
                process.kill()
        assert process.returncode == ExitCode.UNAVAILABLE
        assert "Redis ended with 0" in said
        assert psutil.wait_procs(parts, timeout=_WAIT_SECONDS)[1] == []


class TestLocalStack:
    def test_side_by_side(self) -> None:
        """Two stacks share nothing."""
        with LocalStack() as one, LocalStack() as other:
            with redis.Redis.from_url(one.redis_url) as first, redis.Redis.from_url(other.redis_url) as second:
                first.set("key", "of one")

                assert second.get("key") is None
            assert one.bootstrap_servers != other.bootstrap_servers

    def test_down_after_an_error(self) -> None:
        """An exception takes everything down."""
        before = set(psutil.Process().children(recursive=True))

        with pytest.raises(ZeroDivisionError), LocalStack():
            raise ZeroDivisionError

        assert set(psutil.Process().children(recursive=True)) <= before

    def test_down_after_a_failed_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What had started is stopped when a later part does not start."""
        before = set(psutil.Process().children(recursive=True))
        monkeypatch.setattr(EmbeddedBroker, "open", lambda self: 1 / 0)

        with pytest.raises(ZeroDivisionError), LocalStack():
            pass

        assert set(psutil.Process().children(recursive=True)) <= before

    def test_redis_from_elsewhere(self) -> None:
        """A Redis that runs already is used and none is started."""
        with LocalStack(redis_url="redis://elsewhere:6379/0") as stack:
            assert stack.redis_url == "redis://elsewhere:6379/0"

    def test_embedded_is_one_broker(self) -> None:
        """Three embedded brokers are refused, with the way to have them."""
        with pytest.raises(ValueError, match="kafka='real'"):
            LocalStack("embedded", brokers=3)

    @pytest.mark.skipif(sys.platform != "linux", reason="the tie to the parent is the Linux kernel's")
    @pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
    def test_nothing_outlives_its_owner(self, end: signal.Signals) -> None:
        """However the owner ends, its broker and its Redis are gone."""
        _end_owner("embedded", end)

    @pytest.mark.usefixtures("kafka_jars")
    def test_no_real_broker_outlives_its_owner(self) -> None:
        """The same for a real broker and SIGKILL."""
        _end_owner("real", signal.SIGKILL)


def _end_owner(kafka: KafkaKind, end: signal.Signals) -> None:
    command = [sys.executable, "-c", _STACK_OWNER, kafka]
    owner = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert owner.stdout is not None
    children = [psutil.Process(pid) for pid in json.loads(owner.stdout.readline())]
    assert len(children) == 2

    owner.send_signal(end)
    owner.communicate()

    _, alive = psutil.wait_procs(children, timeout=90)
    assert alive == []


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """An embedded broker of this test alone."""
    with EmbeddedBroker(tmp_path / "broker") as broker:
        yield broker


class TestEmbeddedBroker:
    def test_says_what_it_is(self, embedded: EmbeddedBroker) -> None:
        """Its first words are what it cannot do."""
        assert embedded_broker.NOTICE in embedded.child.log_tail()

    def test_partitions(self, embedded: EmbeddedBroker) -> None:
        """A topic appears when it is named first, with four partitions."""
        _publish(embedded.bootstrap_servers, "new", b"x")
        found = _producer(embedded.bootstrap_servers).list_topics("new", timeout=_WAIT_SECONDS)

        assert len(found.topics["new"].partitions) == embedded_broker.PARTITIONS

    def test_tells_how_many_partitions_a_topic_has(self, embedded: EmbeddedBroker) -> None:
        """So misplaced records are seen there, too; topics have no ids, and no controller is waited for."""
        settings = read_settings(kafka_bootstrap_servers=embedded.bootstrap_servers, is_broker_embedded=True)
        _publish(embedded.bootstrap_servers, "video.uploaded", b"x")
        assert topic_facts(settings, "video.uploaded") == TopicFacts(None, embedded_broker.PARTITIONS)

    def test_an_upload_of_4_mib(self, embedded: EmbeddedBroker) -> None:
        """The largest upload passes through whole."""
        value = b"x" * (4 * _MIB)
        _publish(embedded.bootstrap_servers, "uploads", value)

        assert value == _read_first(embedded.bootstrap_servers, "uploads")

    def test_records_fall_out(self, embedded: EmbeddedBroker) -> None:
        """Above 5 MiB a partition forgets its oldest records, and its low watermark reports it."""
        for _ in range(7):
            _publish(embedded.bootstrap_servers, "full", b"x" * _MIB)

        assert _watermarks(embedded.bootstrap_servers, "full") == (3, 7)

    def test_records_above_half_a_partition_vanish(self, embedded: EmbeddedBroker) -> None:
        """One that pushes out all before it is confirmed and gone; only the watermarks tell."""
        size = embedded_broker.SAFE_RECORD_BYTES + 1
        _publish(embedded.bootstrap_servers, "large", b"x" * size)
        offset = _publish(embedded.bootstrap_servers, "large", b"x" * size).offset()

        assert (offset, _watermarks(embedded.bootstrap_servers, "large")) == (1, (2, 2))

    def test_records_up_to_half_a_partition_stay(self, embedded: EmbeddedBroker) -> None:
        """Below that the newest can always be read."""
        for _ in range(4):
            _publish(embedded.bootstrap_servers, "safe", b"x" * (embedded_broker.SAFE_RECORD_BYTES - 1024))
            lowest, following = _watermarks(embedded.bootstrap_servers, "safe")

            assert lowest < following

    async def test_a_late_reader_is_told(self, embedded: EmbeddedBroker) -> None:
        """A reader that forbids itself to jump gets an error where records fell out."""
        for _ in range(7):
            await asyncio.to_thread(_publish, embedded.bootstrap_servers, "full", b"x" * _MIB)
        reader = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=embedded.bootstrap_servers, group_id="late", auto_offset_reset="none"
        )
        await reader.start()
        partition = aiokafka.TopicPartition("full", 0)
        reader.assign([partition])
        reader.seek(partition, 0)

        with pytest.raises(OffsetOutOfRangeError):
            await reader.getone()

        await reader.stop()

    async def test_aiokafka_is_idempotent(self, embedded: EmbeddedBroker) -> None:
        """An idempotent aiokafka producer works against it."""
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=embedded.bootstrap_servers, enable_idempotence=True, max_request_size=16 * _MIB
        )
        await producer.start()
        confirmed = await producer.send_and_wait("topic", b"x" * (4 * _MIB), partition=0)
        await producer.stop()

        assert confirmed.offset == 0


class TestRealKafka:
    def test_records_pass(self, kafka: str, topics: UniqueTopics) -> None:
        """A record as large as the topic allows passes through whole."""
        topic = topics.create("uploads", settings={"max.message.bytes": str(9 * _MIB)})
        value = b"x" * (8 * _MIB)
        _publish(kafka, topic, value)

        assert value == _read_first(kafka, topic)


@pytest.mark.slow
@pytest.mark.chaos
class TestKafkaCluster:
    @pytest.mark.parametrize("fault", ["kill", "pause"])
    def test_confirmed_records_survive(self, kafka_cluster: KafkaCluster, fault: Literal["kill", "pause"]) -> None:
        """With one broker of three dead or frozen, writes are confirmed, and everything is there when it is back."""
        topics = UniqueTopics(kafka_cluster.bootstrap_servers)
        topic = topics.create("log", partitions=1)
        victim = kafka_cluster.node_ids[0]
        _publish(kafka_cluster.bootstrap_servers, topic, b"before")

        if fault == "kill":
            kafka_cluster.kill(victim)
        else:
            kafka_cluster.pause(victim)
        offset_during = _publish(kafka_cluster.bootstrap_servers, topic, b"during").offset()
        if fault == "kill":
            kafka_cluster.restart(victim)
        else:
            kafka_cluster.resume(victim)
        kafka_cluster.await_serving()
        offset_after = _publish(kafka_cluster.bootstrap_servers, topic, b"after").offset()

        assert (offset_during, offset_after) == (1, 2)
        assert _read_first(kafka_cluster.bootstrap_servers, topic) == b"before"
