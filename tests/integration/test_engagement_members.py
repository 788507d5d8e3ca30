"""Members of the engagement group on a real Kafka: who waits holds nobody up, and counts nothing twice."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Producer
from redis import Redis
from redis.exceptions import ConnectionError as StoreAway

from schemas.facts import Failure
from schemas.topics import ENGAGEMENT
from streams.config.settings import Settings, read_settings
from streams.delivery.held_events import HeldEvents
from streams.engagement.batch_changes import Changes, Found
from streams.engagement.consumer import EngagementConsumer, Parts
from streams.engagement.group_wait import GroupWait
from streams.engagement.role import consumer_configuration, open_counting_store
from streams.engagement.store import EngagementStore, Retention
from streams.engagement.summaries import ROLE
from streams.lifecycle.clock import SystemClock
from streams.store.keys import Keys
from tests.unique_topics import UniqueTopics

pytestmark = pytest.mark.usefixtures("silent_logs")

PARTITIONS = 2
WAIT_SECONDS = 60.0
_LOOK_SECONDS = 0.05


class FaultyStore(EngagementStore):
    """A store that one member alone cannot reach, or whose videos cannot be counted."""

    is_unavailable = False
    num_asked = 0
    broken: str | None = None

    def commit(self, transaction: Any, changes: Changes, found: Found) -> None:
        if self.broken in changes.records:
            raise ValueError("a bug")
        super().commit(transaction, changes, found)

    def positions(self, partitions: Sequence[int]) -> dict[int, int | None]:
        self.num_asked += 1
        if self.is_unavailable:
            raise StoreAway("away")
        return super().positions(partitions)


class Letters:
    """Keeps dead letters; no summaries are due."""

    def __init__(self) -> None:
        self.refused: list[tuple[int, int]] = []

    def refuse(self, refusals: Sequence[tuple[Any, Failure]]) -> None:
        self.refused += [(message.partition(), message.offset()) for message, _failure in refusals]

    def poll(self, partitions: Any) -> None:
        del partitions


class Member:
    """A consumer in a thread of its own."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.redis = open_counting_store(settings)
        topic = settings.topic_prefix + ENGAGEMENT.name
        self.store = FaultyStore(self.redis, Keys(settings.topic_prefix), topic, Retention(60.0, 60.0))
        self.stopping = threading.Event()
        self.held = HeldEvents(ROLE, SystemClock(), max_dead_letters=1, window_seconds=600.0)
        self.letters = Letters()
        wait = GroupWait(self.stopping, SystemClock())
        parts = Parts(self.store, self.letters, self.letters, SystemClock(), wait, 60.0, self.held)  # type: ignore[arg-type]
        configuration = consumer_configuration(settings, name)
        self.consumer = EngagementConsumer(configuration, topic, parts, lambda: None, lambda: None)
        self.thread = threading.Thread(target=self.consumer.run)
        self.thread.start()

    def has(self, *partitions: int) -> bool:
        """Whether it reads these partitions, and no others."""
        assert self.thread.is_alive()
        return set(self.consumer._partitions.positions) == set(partitions)

    def close(self) -> None:
        self.stopping.set()
        self.thread.join(WAIT_SECONDS)
        self.redis.close()


@contextmanager
def member(settings: Settings, name: str) -> Iterator[Member]:
    joined = Member(settings, name)
    try:
        yield joined
    finally:
        joined.close()


def await_true(is_true: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < give_up, f"did not happen: {what}"
        time.sleep(_LOOK_SECONDS)


def settings_of(topics: UniqueTopics, redis_url: str) -> Settings:
    """Of a worker, with a topic of its own."""
    topics.create(ENGAGEMENT.name, PARTITIONS)
    return read_settings(
        kafka_bootstrap_servers=topics.bootstrap_servers, redis_url=redis_url, topic_prefix=f"{topics.prefix}."
    )


def send(settings: Settings, *names: str) -> None:
    """One view a name in every partition."""
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for name in names:
        for partition in range(PARTITIONS):
            event = {"event_id": name, "video_id": f"v{partition}", "kind": "view", "event_unix_seconds": time.time()}
            value = json.dumps(event).encode()
            producer.produce(settings.topic_prefix + ENGAGEMENT.name, value, f"v{partition}", partition)
    assert producer.flush(30) == 0


def counted(settings: Settings, redis_url: str, partition: int) -> int:
    with Redis.from_url(redis_url) as redis:
        value: Any = redis.get(Keys(settings.topic_prefix).engagement(f"v{partition}"))
    return int(json.loads(value)["counts"]["view"]) if value else 0


def test_a_position_after_the_end_of_the_log_is_replaced_once(topics: UniqueTopics, redis_url: str) -> None:
    """Of a log that was created again every event is counted; of one that lost records none is counted twice."""
    settings = settings_of(topics, redis_url)
    send(settings, "a", "b")
    name = Keys(settings.topic_prefix).engagement_offset(settings.topic_prefix + ENGAGEMENT.name, 0)
    with Redis.from_url(redis_url) as redis:
        for sent, number in (((), 2), (("c",), 3)):
            redis.set(name, 1_000)
            send(settings, *sent)
            with member(settings, f"member-{number}"):
                await_true(lambda number=number: int(redis.get(name)) == number, "the position is of the log")
            assert counted(settings, redis_url, 0) == number


def test_a_member_that_waits_lets_others_join(topics: UniqueTopics, redis_url: str) -> None:
    """It has a batch in hand of both partitions and no store: another joins, and counts the one that it is given.

    The batch is dropped then; what of it is still its own is counted once, when the store is there again.
    """
    settings = settings_of(topics, redis_url)
    with member(settings, "first") as first:
        await_true(lambda: first.has(0, 1), "the first has both partitions")
        send(settings, "before")
        await_true(lambda: all(counted(settings, redis_url, each) == 1 for each in (0, 1)), "both are counted")
        first.store.is_unavailable, num_asked = True, first.store.num_asked
        send(settings, "a", "b", "c")
        await_true(lambda: first.store.num_asked > num_asked, "the first has a batch in hand")
        with member(settings, "second") as second:
            await_true(lambda: bool(second.consumer._partitions.positions), "the second reads")
            (given,) = second.consumer._partitions.positions
            kept = 1 - given
            await_true(lambda: counted(settings, redis_url, given) == 4, "the second counts what it was given")
            assert counted(settings, redis_url, kept) == 1
            first.store.is_unavailable = False
            await_true(lambda: counted(settings, redis_url, kept) == 4, "the first counts what it kept")
            assert first.has(kept)
            send(settings, "d")
            await_true(lambda: all(counted(settings, redis_url, each) == 5 for each in (0, 1)), "each counts its own")


def test_a_held_event_holds_its_partition(topics: UniqueTopics, redis_url: str) -> None:
    """Past the limit on dead letters an event waits: other partitions are counted, and nothing of its own is lost."""
    settings = settings_of(topics, redis_url)
    send(settings, "a", "b", "c")
    with member(settings, "only") as only:
        only.store.broken = "v0"
        await_true(lambda: only.held.is_paused, "the second event of the partition is held")
        assert only.letters.refused == [(0, 0)]
        send(settings, "d")
        await_true(lambda: counted(settings, redis_url, 1) == 4, "the other partition is counted")
        assert counted(settings, redis_url, 0) == 0
        only.store.broken = None
        await_true(lambda: counted(settings, redis_url, 0) == 3, "the partition goes on")
        assert (only.letters.refused, only.held.is_paused) == ([(0, 0)], False)
