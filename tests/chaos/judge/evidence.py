"""What the judge looks at: every record of every topic, the store, and what the groups have committed.

Read with confluent-kafka and redis-py alone. Nothing of the product is imported below this folder: names of topics,
keys and fields are those that its documents promise to readers in any language.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

UPLOADED: Final = "video.uploaded"
BACKFILL: Final = "video.backfill"
SIGNALS: Final = "video.signals"
MODERATION: Final = "video.moderation"
RECOMMENDATION: Final = "video.recommendation"
ENGAGEMENT: Final = "video.engagement"
DEAD_LETTER: Final = "video.dead-letter"
TOPICS: Final = (UPLOADED, SIGNALS, MODERATION, RECOMMENDATION, ENGAGEMENT, DEAD_LETTER)
OUTCOMES: Final = (MODERATION, RECOMMENDATION)

LIGHT_GROUPS: Final = {
    "vidsignal-intake": UPLOADED,
    "vidsignal-verdict": SIGNALS,
    "vidsignal-engagement": ENGAGEMENT,
}
"""By group, its topic."""
ALL_GROUPS: Final = {**LIGHT_GROUPS, "vidsignal-media": UPLOADED, "vidsignal-backfill": BACKFILL}
Store = Any
"""A `redis.Redis` that answers in bytes; its types say less than that."""
_READ_SECONDS = 300.0
_ASK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is in a topic."""

    partition: int
    offset: int
    unix_seconds: float
    """The broker's timestamp of it."""
    key: bytes
    value: bytes | None

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.partition, self.offset


@dataclass(frozen=True, slots=True)
class Group:
    """One partition of a consumer group."""

    group: str
    partition: int
    committed: int | None
    end: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it."""

    records: Mapping[str, Sequence[Record]]
    """By topic, in the order of partition and offset."""
    store: Store
    groups: Sequence[Group]


def read_evidence(bootstrap_servers: str, store_url: str, groups: Mapping[str, str]) -> Evidence:
    """Read everything, as of now; `groups` names the topic of each.

    Raises:
        RuntimeError: a topic could not be read to its end.
    """
    records = {topic: read_topic(bootstrap_servers, topic) for topic in TOPICS}
    return Evidence(records, redis.Redis.from_url(store_url), read_groups(bootstrap_servers, groups))


def read_topic(bootstrap_servers: str, topic: str) -> list[Record]:
    """All records of a topic, aborted ones left out."""
    consumer = Consumer({**_client(bootstrap_servers), "enable.partition.eof": True, "auto.offset.reset": "earliest"})
    try:
        waiting = set(_partitions(consumer, topic))
        consumer.assign([TopicPartition(topic, number, 0) for number in waiting])
        found, give_up = [], time.monotonic() + _READ_SECONDS
        while waiting and time.monotonic() < give_up:
            for message in consumer.consume(500, 1.0):
                error = message.error()
                if error is None:
                    found.append(_record(message))
                elif error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard(message.partition())
    finally:
        consumer.close()
    if waiting:
        raise RuntimeError(f"{topic}: partitions {sorted(waiting)} were not read to their end")
    return sorted(found, key=lambda record: record.place)


def read_groups(bootstrap_servers: str, groups: Mapping[str, str]) -> list[Group]:
    """What each group has committed, and where its topic ends."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    consumer = Consumer(_client(bootstrap_servers))
    try:
        return [found for group, topic in groups.items() for found in _read_group(admin, consumer, group, topic)]
    finally:
        consumer.close()


def _read_group(admin: AdminClient, consumer: Consumer, group: str, topic: str) -> list[Group]:
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=_ASK_SECONDS)
    answer = next(iter(asked.values())).result(_ASK_SECONDS).topic_partitions
    committed = {place.partition: place.offset for place in answer if place.topic == topic and place.offset >= 0}
    found = []
    for number in _partitions(consumer, topic):
        end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_ASK_SECONDS)[1]
        found.append(Group(group, number, committed.get(number), end))
    return found


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    return sorted(consumer.list_topics(topic, timeout=_ASK_SECONDS).topics[topic].partitions)


def _client(bootstrap_servers: str) -> dict[str, Any]:
    settings = {"bootstrap.servers": bootstrap_servers, "group.id": "chaos-judge", "log_level": 0}
    return {**settings, "enable.auto.commit": False, "isolation.level": "read_committed"}


def _record(message: Any) -> Record:
    return Record(
        message.partition(), message.offset(), message.timestamp()[1] / 1000, message.key() or b"", message.value()
    )
