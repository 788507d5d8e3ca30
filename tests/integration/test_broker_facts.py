"""The broker's own words on a group, on a real Kafka: assignment, committed offsets, ends, and where records are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streams.config.settings import read_settings
from streams.progress.broker_client import BrokerClient
from streams.progress.broker_facts import GroupFacts, OffsetsUnavailable, PartitionFacts
from tests.pipeline import await_value
from tests.unique_topics import UniqueTopics

Found = TypeVar("Found")
WAIT_SECONDS = 120.0


def ask(kafka: str, question: Callable[[BrokerClient], Any]) -> Any:
    """Put one question to the broker through a client of its own."""

    async def put() -> Any:
        client = BrokerClient(read_settings(kafka_bootstrap_servers=kafka))
        try:
            return await question(client)
        finally:
            await client.close()

    return asyncio.run(put())


def facts_of(kafka: str, group: str, client_id: str) -> GroupFacts:
    """The answer, once the group's coordinator is there: a broker that was just started makes it first."""

    def answered() -> GroupFacts | None:
        try:
            found: GroupFacts = ask(kafka, lambda client: client.ask(group, client_id))
        except OffsetsUnavailable:
            return None
        return found if found.is_settled else None

    return await_value(answered, WAIT_SECONDS, lambda: f"nobody knows group {group}")


def member(kafka: str, group: str, client_id: str, topic: str) -> Consumer:
    """A consumer that has joined."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": group,
            "client.id": client_id,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([topic])
    await_value(
        lambda: (consumer.poll(0.2), consumer.assignment())[1] or None, WAIT_SECONDS, lambda: "it was assigned nothing"
    )
    return consumer


def write(kafka: str, topic: str, values: list[str], *, end: str = "") -> None:
    """Records, in a transaction that is committed, aborted or left open where `end` reports it."""
    transactional = {"transactional.id": f"{topic}-{end}"} if end else {}
    producer = Producer({"bootstrap.servers": kafka, **transactional})
    if end:
        producer.init_transactions(WAIT_SECONDS)
        producer.begin_transaction()
    for value in values:
        producer.produce(topic, value=value, partition=0)
    assert producer.flush(WAIT_SECONDS) == 0
    if end == "committed":
        producer.commit_transaction(WAIT_SECONDS)
    elif end == "aborted":
        producer.abort_transaction(WAIT_SECONDS)


class TestGroup:
    def test_tells_members_apart_by_client_id(self, kafka: str, topics: UniqueTopics) -> None:
        """Each is told its own partitions, with what is committed and where the logs end."""
        topic, group = topics.create("log", 2), topics.name("group")
        write(kafka, topic, ["a", "b", "c"])
        first = member(kafka, group, "first", topic)
        try:
            first.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
            seen = facts_of(kafka, group, "first")
            assert seen == GroupFacts(
                True, True, {(topic, 0): PartitionFacts(1, 0, 3), (topic, 1): PartitionFacts(None, 0, 0)}
            )
            assert seen.lag == 2
            assert facts_of(kafka, group, "stranger") == GroupFacts(True, False, {})
        finally:
            first.close()

    def test_knows_nothing_of_a_group_that_was_never_there(self, kafka: str, topics: UniqueTopics) -> None:
        """A group without members is settled, and nobody is in it."""
        assert facts_of(kafka, topics.name("group"), "anybody") == GroupFacts(True, False, {})

    def test_an_open_transaction_is_not_behind(self, kafka: str, topics: UniqueTopics) -> None:
        """Nobody may read it yet: the end is the last stable offset."""
        topic, group = topics.create("log", 1), topics.name("group")
        write(kafka, topic, ["a"])
        reader = member(kafka, group, "reader", topic)
        try:
            write(kafka, topic, ["b", "c"], end="open")
            assert facts_of(kafka, group, "reader").partitions == {(topic, 0): PartitionFacts(None, 0, 1)}
        finally:
            reader.close()

    def test_a_broker_that_is_unavailable_is_distinguished(self) -> None:
        """Nobody listens there: unavailable, which is a reason to wait, and not unknown."""
        with pytest.raises(OffsetsUnavailable):
            ask("127.0.0.1:1", lambda client: client.ask("group", "client"))


class TestRecords:
    def test_markers_and_aborted_records_are_no_records(self, kafka: str, topics: UniqueTopics) -> None:
        """The first record is found behind them, and none where nothing else is there."""
        topic = topics.create("log", 1)
        write(kafka, topic, ["a", "b"], end="aborted")  # 0, 1, and a marker
        write(kafka, topic, ["c"], end="committed")  # 3, and a marker

        def first(offset: int, end: int) -> int | None:
            found: int | None = ask(kafka, lambda client: client.first_record((topic, 0), offset, end))
            return found

        assert first(0, 5) == 3
        assert first(3, 5) == 3
        assert first(4, 5) is None
        assert first(0, 3) is None
        assert first(5, 5) is None  # nothing to read: the reader stops as soon as it has started
