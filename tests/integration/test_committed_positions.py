"""An idle group has committed the end of its log, behind transactions and removed records too."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.topics import ENGAGEMENT
from streams.config.settings import Role
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery.held_events import HeldEvents
from streams.engagement.role import EngagementRole
from streams.kafka.clients import producer_configuration, read_to_end
from streams.kafka.group_names import group_of
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import SystemClock
from streams.lifecycle.fatal_error import FatalError
from streams.store.keys import Keys
from tests.integration.role_apps import FAUST_ROLES, PARTITIONS, WAIT_SECONDS, RoleRun, await_true, running
from tests.unique_topics import UniqueTopics

_ASK_SECONDS = 30.0


class TransactionalProducer:
    """An outbox that writes in transactions."""

    def __init__(self, topics: UniqueTopics, topic: str) -> None:
        self._topic = topic
        configuration = {"bootstrap.servers": topics.bootstrap_servers, "transactional.id": f"{topics.prefix}-outbox"}
        self._producer = Producer({**configuration, "partitioner": "murmur2_random"})
        self._producer.init_transactions(_ASK_SECONDS)

    def commit(self, *keys: str) -> None:
        """Write one record a key to every partition, under that key and the partition's number, and commit them."""
        self._write(keys)
        self._producer.commit_transaction(_ASK_SECONDS)

    def abort(self, *keys: str) -> None:
        """The same, and abort them."""
        self._write(keys)
        self._producer.abort_transaction(_ASK_SECONDS)

    def _write(self, keys: tuple[str, ...]) -> None:
        self._producer.begin_transaction()
        for key in keys:
            for partition, name in enumerate(names(key)):
                self._producer.produce(self._topic, key=name, value=view_of(name), partition=partition)
        self._producer.flush(_ASK_SECONDS)


def view_of(video_id: str) -> bytes:
    """An engagement event; other roles here look at keys alone."""
    event = {"event_id": uuid4().hex, "video_id": video_id, "kind": "view", "event_unix_seconds": time.time()}
    return json.dumps(event).encode()


def names(*keys: str) -> list[str]:
    """Keys of records, as they were written to every partition."""
    return [f"{key}-{partition}" for key in keys for partition in range(PARTITIONS)]


def write_transactions(producer: TransactionalProducer) -> None:
    """Aborted before, between and behind committed ones: the log ends with records that are none."""
    producer.abort("aborted-1")
    producer.commit("committed-1", "committed-2")
    producer.abort("aborted-2", "aborted-3")
    producer.commit("committed-3")
    producer.abort("aborted-4")


def remove_all_records(bootstrap_servers: str, ends: dict[TopicPartition, int]) -> None:
    """Delete every record before these ends, as retention does."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    places = [TopicPartition(place.topic, place.partition, end) for place, end in ends.items()]
    for outcome in admin.delete_records(places, operation_timeout=_ASK_SECONDS).values():
        outcome.result(_ASK_SECONDS)


def is_at_end(found: dict[int, tuple[int, int]]) -> bool:
    """Whether the committed offset of every partition is its end."""
    return all(committed == end for committed, end in found.values())


async def await_at_end(topic: str, group: str, ask: Callable[..., Any], give_up_seconds: float = WAIT_SECONDS) -> Any:
    """Ask the broker until the group has committed the ends."""
    give_up = time.monotonic() + give_up_seconds
    while not is_at_end(found := await asyncio.to_thread(ask, topic, group)):
        assert time.monotonic() < give_up, f"committed offset and end of each partition: {found}"
        await asyncio.sleep(0.2)
    return found


@pytest.mark.parametrize("role", FAUST_ROLES)
async def test_a_faust_role_commits_the_end(role: Role, topics: UniqueTopics, redis_url: str) -> None:
    """Behind aborted transactions, markers and removed records; nothing that was aborted is worked on."""
    run = RoleRun(role, topics, redis_url)
    producer = await asyncio.to_thread(TransactionalProducer, topics, run.topic)
    async with running(run):
        await await_at_end(run.topic, run.group, run.ask_progress)
        await asyncio.to_thread(write_transactions, producer)
        found = await await_at_end(run.topic, run.group, run.ask_progress)
        assert all(end > 10 for _committed, end in found.values())
        seen = {key for work in run.works.values() for key in work.seen}
        assert seen == set(names("committed-1", "committed-2", "committed-3"))
    again = RoleRun(role, topics, redis_url, is_new=False)
    await asyncio.to_thread(producer.abort, "aborted-5")
    ends = {TopicPartition(run.topic, partition): end + 2 for partition, (_committed, end) in found.items()}
    await asyncio.to_thread(remove_all_records, topics.bootstrap_servers, ends)
    async with running(again):
        await await_at_end(run.topic, run.group, again.ask_progress)
        await asyncio.to_thread(producer.commit, "committed-4")
        await await_true(lambda: again.has_seen(*names("committed-4")), "records flow behind a hole", again)
        await await_at_end(run.topic, run.group, again.ask_progress)


async def test_engagement_commits_the_end(topics: UniqueTopics, redis_url: str) -> None:
    """The engagement role, too: aborted events count nothing, and the group's place is the end of the log."""
    run = RoleRun("intake", topics, redis_url)  # for its settings and clients; it is not started
    topic = topics.create(ENGAGEMENT.name, PARTITIONS)
    group = group_of(run.settings, "engagement")
    producer = await asyncio.to_thread(TransactionalProducer, topics, topic)
    publisher, keys = (
        Publisher(producer_configuration(run.settings), run.settings.topic_prefix),
        Keys(run.settings.topic_prefix),
    )
    dead_letters = DeadLetters(publisher, run.redis, keys, SystemClock())
    held = HeldEvents("engagement", SystemClock(), max_dead_letters=20, window_seconds=600.0)
    role = EngagementRole(run.settings, publisher, dead_letters, FatalError(), SystemClock(), "worker", held)

    async def views(video_id: str) -> int:
        stored = await run.redis.get(keys.engagement(video_id))
        return int(json.loads(stored)["counts"]["view"]) if stored else 0

    role.start()
    try:
        await await_at_end(topic, group, run.ask_progress)
        await asyncio.to_thread(write_transactions, producer)
        await await_at_end(topic, group, run.ask_progress)
        assert [await views(name) for name in names("committed-1", "committed-2", "committed-3")] == [1] * 6
        assert [await views(name) for name in names("aborted-1", "aborted-2", "aborted-3", "aborted-4")] == [0] * 8
    finally:
        await role.stop()
        await publisher.close()
        await run.close()


async def test_readers_pass_over_what_was_aborted(topics: UniqueTopics, redis_url: str) -> None:
    """Anyone who reads a topic as it is gets what was committed, and comes to the end."""
    run = RoleRun("intake", topics, redis_url)
    producer = await asyncio.to_thread(TransactionalProducer, topics, run.topic)
    await asyncio.to_thread(write_transactions, producer)
    records = await asyncio.to_thread(lambda: list(read_to_end(run.settings, [run.topic])))
    await run.close()
    assert sorted((record.key or b"").decode() for record in records) == names(
        "committed-1", "committed-2", "committed-3"
    )
