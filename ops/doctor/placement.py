"""Whether clients' records are in the partition that murmur2 gives for their key; other partitioners scatter a
video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from ops.doctor.check_context import ANSWER_SECONDS, CheckContext, is_there
from ops.doctor.finding import Finding, not_checked, ok, warning
from schemas.codec import header
from schemas.counted import counted
from schemas.near_names import shown
from schemas.topics import ENGAGEMENT, UPLOADED
from streams.config.settings import Settings
from streams.kafka.clients import READER_GROUP, client_configuration
from streams.kafka.partitioning import partition_of

MOST_RECORDS: Final = 1_000
"""The newest of each topic; about as many of each partition."""
_MOST_SOURCES: Final = 3
_AT_ONCE: Final = 16
"""Records in memory, each of up to 4 MiB."""
_DO: Final = (
    "in those producers: partitioner=murmur2_random (librdkafka: Python, Go, Rust, .NET, PHP), the murmur2 or reference"
    " hash partitioner of other clients; Java's default is right"
)
_MEANS: Final = "nothing keeps the order of uploads and deletions of these videos: a deletion may overtake an upload"


@dataclass(frozen=True, slots=True)
class Placed:
    """What the check needs of one record."""

    partition: int
    key: bytes | None
    source: bytes | None
    """The writer, from the CloudEvents header."""


def examine(context: CheckContext) -> Iterator[Finding]:
    """Check the newest records of each topic that clients write."""
    if not is_there(context.broker):
        yield not_checked("placement", "the broker does not answer")
        return
    for topic in (UPLOADED, ENGAGEMENT):
        yield _look(context.settings, context.settings.topic_prefix + topic.name)


def _look(settings: Settings, topic: str) -> Finding:
    consumer = Consumer(
        {
            **client_configuration(settings),
            "group.id": READER_GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
            "queued.max.messages.kbytes": 16 * 1024,
        }
    )
    try:
        starts, num_waiting = _starts(consumer, topic)
        if not starts:
            return not_checked(topic, "it does not exist, or we may not see it")
        consumer.assign(starts)
        return judge(topic, _newest(consumer, num_waiting), len(starts))
    except KafkaException as error:
        return not_checked(topic, f"its records cannot be read: {error.args[0].str()}")
    finally:
        consumer.close()


def _starts(consumer: Consumer, topic: str) -> tuple[list[TopicPartition], int]:
    """Return the start offset of each partition, and the number of records after it."""
    numbers = sorted(consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions)
    starts, num_waiting = [], 0
    for number in numbers:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=ANSWER_SECONDS)
        begin = max(low, high - MOST_RECORDS // len(numbers))
        starts.append(TopicPartition(topic, number, begin))
        num_waiting += high - begin
    return starts, num_waiting


def _newest(consumer: Consumer, num_waiting: int) -> list[Placed]:
    """Return what could be read in time; offsets may have holes, so there may be fewer records than counted."""
    found: list[Placed] = []
    give_up = monotonic() + ANSWER_SECONDS
    while len(found) < num_waiting and monotonic() < give_up:
        for message in consumer.consume(min(_AT_ONCE, num_waiting - len(found)), timeout=0.5):
            if message.error() is not None:
                raise KafkaException(message.error())
            found.append(Placed(message.partition(), message.key(), header(message.headers() or (), "ce_source")))
    return found


def judge(topic: str, records: Iterable[Placed], num_partitions: int) -> Finding:
    """Return the finding about some records; those without a key are ignored."""
    keyed = [record for record in records if record.key is not None]
    misplaced = [record for record in keyed if partition_of(record.key or b"", num_partitions) != record.partition]
    if not misplaced:
        return ok(
            topic, f"all of {counted(len(keyed), 'recent record')} on the partition that murmur2 gives for the key"
        )
    number = f"{len(misplaced):,} of {counted(len(keyed), 'recent record')}"
    found = f"{number} on another partition than murmur2 gives for the key"
    return warning(topic, f"{found}; {_senders(misplaced)}", means=_MEANS, do=_DO)


def _senders(records: list[Placed]) -> str:
    """Return the writers, if they named themselves: Kafka stores no client id with a record."""
    sources = Counter(item.source.decode("utf-8", "replace") for item in records if item.source)
    if not sources:
        return "who wrote them is not known, as they have no header ce_source"
    return "by ce_source: " + ", ".join(
        f"{shown(name)} {number:,}" for name, number in sources.most_common(_MOST_SOURCES)
    )
