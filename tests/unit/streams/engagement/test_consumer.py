"""The consumer between Kafka and the store: what it counts of a batch when partitions leave and come, and its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaException, TopicPartition

from schemas.codec import encode
from schemas.engagement import EngagementEvent
from streams.delivery.held_events import HeldEvents
from streams.engagement.batch_changes import Found
from streams.engagement.consumer import EngagementConsumer, Parts
from streams.engagement.group_wait import GroupWait
from streams.engagement.summaries import ROLE
from streams.observability import metrics
from tests.fakes import ManualClock
from tests.librdkafka_hooks import raise_fatal_error
from tests.support.engagement_role import MemoryStore, NothingRefused

TOPIC = "video.engagement"


@dataclass(frozen=True)
class Message:
    """What the client hands over."""

    at_partition: int
    at_offset: int
    seconds: float = 1_700_000_000.0

    def error(self) -> None:
        return None

    def partition(self) -> int:
        return self.at_partition

    def offset(self) -> int:
        return self.at_offset

    def key(self) -> bytes:
        return b"v"

    def value(self) -> bytes:
        event_id = f"{self.at_partition}-{self.at_offset}"
        return encode(EngagementEvent(event_id=event_id, video_id="v", kind="view", event_unix_seconds=self.seconds))

    def timestamp(self) -> tuple[int, int]:
        return 1, int(self.seconds * 1000)


@dataclass
class Client:
    """Hands over batches; a batch may hold rebalances, which call back in the middle of it."""

    batches: list[list[Message | Callable[[Any], None]]]
    assigned: list[list[TopicPartition]] = field(default_factory=list)
    sought: list[TopicPartition] = field(default_factory=list)

    def consume(self, number: int, timeout_seconds: float) -> list[Message]:
        del number, timeout_seconds
        messages = []
        for item in self.batches.pop(0):
            if isinstance(item, Message):
                messages.append(item)
            else:
                item(self)
        return messages

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned.append(places)

    def resume(self, places: list[TopicPartition]) -> None:
        del places

    def unassign(self) -> None:
        self.assigned.append([])

    def seek(self, place: TopicPartition) -> None:
        self.sought.append(place)

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        del place, timeout
        return 0, 1_000


@dataclass
class Store(MemoryStore):
    """Counts events, of whatever video."""

    num_counted: int = 0

    def commit(self, transaction: Any, changes: Any, found: Found) -> None:
        super().commit(transaction, changes, found)
        self.num_counted += sum(record.counts["view"] for record in changes.records.values())


def consumer_of(client: Client, stands: dict[int, int | None], assigned: Sequence[int]) -> Any:
    store, nothing = Store(stands), NothingRefused()
    held = HeldEvents(ROLE, ManualClock(), max_dead_letters=20, window_seconds=600.0)
    wait = GroupWait(threading.Event(), ManualClock())
    parts = Parts(store, nothing, nothing, ManualClock(), wait, 60.0, held)  # type: ignore[arg-type]
    consumer: Any = EngagementConsumer({}, TOPIC, parts, lambda: None, lambda: None)
    consumer._partitions.client = client
    consumer._partitions.positions = {partition: stands[partition] for partition in assigned}
    consumer.store = store
    return consumer


def finished() -> float:
    return metrics.EVENTS_FINISHED.labels(ROLE, ROLE)._value.get()


def messages(partition: int, *offsets: int) -> list[Message | Callable[[Any], None]]:
    return [Message(partition, offset) for offset in offsets]


def test_events_of_partitions_that_left_are_not_counted() -> None:
    """Neither in the store nor in the role's own numbers: anyone who has the partition now counts them."""
    before = finished()
    client = Client([messages(0, 5, 6) + messages(1, 7, 8, 9)])
    consumer = consumer_of(client, {0: 5, 1: 7}, assigned=[0])
    consumer._step()
    assert (consumer.store.num_counted, consumer.num_finished, finished() - before) == (2, 2, 2)
    assert consumer.store.stands == {0: 7, 1: 7}


def test_events_of_a_partition_that_somebody_else_counts_are_not_counted() -> None:
    """The store stands elsewhere: they are left out, of the numbers too, and the consumer goes there."""
    before = finished()
    client = Client([messages(0, 5, 6) + messages(1, 7)])
    consumer = consumer_of(client, {0: 5, 1: 30}, assigned=[0, 1])
    consumer._partitions.positions[1] = 7
    consumer._step()
    assert (consumer.num_finished, finished() - before) == (2, 2)
    assert [(place.partition, place.offset) for place in client.sought] == [(1, 30)]


def test_a_rebalance_within_a_batch_leaves_nothing_of_the_assignment_before() -> None:
    """A partition left, another worker counted on, and it came back: the batch holds records of both times."""
    consumer: Any = None

    def leave(client: Any) -> None:
        consumer._partitions.give_back(client, [TopicPartition(TOPIC, 0)])
        consumer.store.stands[0] = 300

    def come_back(client: Any) -> None:
        consumer._partitions.take(client, [TopicPartition(TOPIC, 0)])

    client = Client([[*messages(0, 100, 101), leave, come_back, *messages(0, 300, 301)], messages(0, 300, 301)])
    consumer = consumer_of(client, {0: 100}, assigned=[0])
    before = finished()
    consumer._step()
    assert (consumer.store.num_counted, consumer.num_finished, consumer.store.stands) == (0, 0, {0: 300})
    assert [(place.partition, place.offset) for place in client.assigned[-1]] == [(0, 300)]
    consumer._step()
    assert (consumer.store.num_counted, finished() - before, consumer.store.stands) == (2, 2, {0: 302})


def test_a_rebalance_to_an_older_place_skips_nothing() -> None:
    """The store went back meanwhile: counting what was fetched before would pass over what it lost."""
    consumer: Any = None

    def come_back_older(client: Any) -> None:
        consumer._partitions.give_back(client, [TopicPartition(TOPIC, 0)])
        consumer.store.stands[0] = 80
        consumer._partitions.take(client, [TopicPartition(TOPIC, 0)])

    client = Client([[*messages(0, 100, 101), come_back_older]])
    consumer = consumer_of(client, {0: 100}, assigned=[0])
    consumer._step()
    assert (consumer.store.stands, consumer._partitions.positions) == ({0: 80}, {0: 80})
    assert [place.offset for place in client.assigned[-1]] == [80]


def test_a_fatal_error_of_the_client_ends_the_role() -> None:
    """The client says it once and is silent for ever after; the thread must not go on with it."""
    held = HeldEvents(ROLE, ManualClock(), max_dead_letters=20, window_seconds=600.0)
    stopping = threading.Event()
    wait = GroupWait(stopping, ManualClock())
    parts = Parts(Store({}), NothingRefused(), NothingRefused(), ManualClock(), wait, 60.0, held)  # type: ignore[arg-type]
    configuration = {"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "log_level": 0}
    consumer = EngagementConsumer(configuration, TOPIC, parts, lambda: None, lambda: None)
    ends: list[BaseException | None] = []

    def run() -> None:
        try:
            consumer.run()
            ends.append(None)
        except KafkaException as error:
            ends.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while not consumer.num_steps:
            assert thread.is_alive()
        raise_fatal_error(consumer._partitions.client)
        thread.join(60.0)
    finally:
        stopping.set()
        thread.join()
    assert [type(end) for end in ends] == [KafkaException]


@pytest.mark.parametrize("assigned", [[], [0]])
def test_a_batch_of_nothing_assigned_is_nothing(assigned: list[int]) -> None:
    """No measure of delay and no transaction for records that are not ours."""
    client = Client([messages(1, 7)])
    consumer = consumer_of(client, {0: 5, 1: 7}, assigned)
    consumer._step()
    assert (consumer.num_finished, consumer.store.num_counted) == (0, 0)
