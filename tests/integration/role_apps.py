"""The four Faust roles in the test's own process: their own wiring, and work that only notes what it was given."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from redis.asyncio import Redis

from schemas.facts import Failure
from schemas.identity import MODALITIES
from schemas.topics import BACKFILL, UPLOADED
from streams.config.settings import Role, read_settings
from streams.consumer.resume_policy import ResumeFromKafka
from streams.consumer.role_app import RoleApp, RoleSpec
from streams.decision.policy_file import load_policy
from streams.delivery.admission import Slot
from streams.delivery.attempts import Attempts
from streams.kafka.clients import client_configuration, producer_configuration
from streams.kafka.group_names import group_of
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import SystemClock
from streams.lifecycle.fatal_error import FatalError
from streams.record import Record
from streams.store.keys import Keys
from streams.store.rollback_detector import RollbackDetector
from streams.worker.roles import intake_spec, verdict_role, verdict_spec
from streams.worker.shared import Shared
from tests.unique_topics import UniqueTopics

FAUST_ROLES: tuple[Role, ...] = ("intake", "media", "verdict", "backfill")
PARTITIONS = 2
WAIT_SECONDS = 120.0
"""For what happens within a second on a quiet machine."""
_LOOK_SECONDS = 0.05
_ASK_SECONDS = 30.0


@dataclass
class NotedWork:
    """Notes the keys of what it was given."""

    seen: Counter[str] = field(default_factory=Counter)

    async def run(self, record: Record, slot: Slot) -> None:
        self.seen[(record.key or b"").decode()] += 1

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        raise AssertionError(f"nothing fails here, got {failure}")


class RoleRun:
    """One role that consumes topics of its own.

    Args:
        role: which.
        topics: names; this makes the role's topic.
        redis_url: the store.
        is_new: False where an earlier run made the topic.
    """

    def __init__(self, role: Role, topics: UniqueTopics, redis_url: str, *, is_new: bool = True) -> None:
        self.settings = read_settings(
            kafka_bootstrap_servers=topics.bootstrap_servers,
            redis_url=redis_url,
            topic_prefix=f"{topics.prefix}.",
            drain_timeout_seconds=5,
        )
        self.fatal_error = FatalError()
        self.redis = Redis.from_url(redis_url)
        self._publisher = Publisher(producer_configuration(self.settings), self.settings.topic_prefix)
        spec = self._spec(role)
        self.works = {agent: NotedWork() for agent in spec.works}
        self.topic = topics.create(spec.topic.name, PARTITIONS) if is_new else topics.name(spec.topic.name)
        self.group = group_of(self.settings, role)
        self.app = RoleApp(self.settings, replace(spec, works=self.works), self.fatal_error, SystemClock(), uuid4().hex)
        self.producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "partitioner": "murmur2_random"})

    def _spec(self, role: Role) -> RoleSpec:
        keys = Keys(self.settings.topic_prefix)
        shared = Shared(
            self.settings, self.redis, self.redis, RollbackDetector(SystemClock()), keys, self._publisher, SystemClock()
        )
        if role == "intake":
            return intake_spec(shared)
        if role == "verdict":
            return replace(verdict_spec(shared, verdict_role(shared, load_policy(None))), close=None)
        topic = UPLOADED if role == "media" else BACKFILL
        works: dict[str, Any] = dict.fromkeys(MODALITIES)
        attempts = Attempts(self.redis, keys)
        return RoleSpec(role, topic, works, 4, ResumeFromKafka(), attempts, poll_records=4, buffer_records=1024)

    @property
    def consumer(self) -> Any:
        """The role's consumer."""
        return self.app._app.consumer

    def publish(self, *keys: str) -> None:
        """Publish one record a key; returns when the broker has them."""
        for key in keys:
            self.producer.produce(self.topic, key=key, value=b"{}")
        assert self.producer.flush(_ASK_SECONDS) == 0

    def has_seen(self, *keys: str) -> bool:
        """Whether every agent was given all of these."""
        return all(work.seen[key] > 0 for work in self.works.values() for key in keys)

    def rejoin(self) -> None:
        """Have the client join its group again, as after a lost heartbeat."""
        thread = self.consumer._thread
        thread.thread_loop.call_soon_threadsafe(thread._consumer._coordinator.request_rejoin)

    def ask_progress(self, topic: str, group: str) -> dict[int, tuple[int, int]]:
        """The broker's own figures of each partition: what the group has committed, and the end of the log."""
        consumer = Consumer({**client_configuration(self.settings), "group.id": group})
        try:
            places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
            found = committed_of(consumer, places)
            ends = [consumer.get_watermark_offsets(place, timeout=_ASK_SECONDS)[1] for place in places]
            return {place.partition: (place.offset, end) for place, end in zip(found, ends, strict=True)}
        finally:
            consumer.close()

    async def close(self) -> None:
        """Stop everything; a role that did not start has nothing to stop."""
        if self.app._app.started:
            await self.app.stop()
        await self._publisher.close()
        await self.redis.aclose()


def committed_of(consumer: Consumer, places: list[TopicPartition]) -> list[TopicPartition]:
    """What a group has committed; the first group of a new broker has no coordinator for a moment."""
    give_up = time.monotonic() + _ASK_SECONDS
    while True:
        try:
            return consumer.committed(places, timeout=_ASK_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.NOT_COORDINATOR or time.monotonic() > give_up:
                raise
        time.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def running(run: RoleRun) -> AsyncIterator[RoleRun]:
    """The role, joined; stopped at the end."""
    try:
        await run.app.start()
        await await_true(run.app.joined.is_set, "the role joins", run)
        yield run
    finally:
        await run.close()


async def await_true(is_true: Callable[[], bool], what: str, run: RoleRun) -> None:
    """Look again and again for a bounded time, as long as the role does not crash."""
    give_up = asyncio.get_running_loop().time() + WAIT_SECONDS
    while not is_true():
        run.app.report_fatal_error()
        assert not run.fatal_error.happened.is_set(), f"the role crashed before: {what}"
        assert asyncio.get_running_loop().time() < give_up, f"did not happen: {what}"
        await asyncio.sleep(_LOOK_SECONDS)
