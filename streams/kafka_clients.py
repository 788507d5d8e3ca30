"""How our clients reach Kafka: one place for addresses, security and partitioning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.settings import Settings

REQUEST_SECONDS = 10.0
"""How long an interactive command waits for a broker's answer."""


class BrokerAway(Exception):
    """No broker answered; the message names the address."""


def client_configuration(settings: Settings) -> dict[str, Any]:
    """What every librdkafka client of ours is configured with."""
    configuration: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": settings.kafka_security_protocol,
        "log_level": 3,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        configuration["sasl.mechanism"] = settings.kafka_sasl_mechanism
        configuration["sasl.username"] = settings.kafka_sasl_username
        password = settings.kafka_sasl_password
        configuration["sasl.password"] = password.get_secret_value() if password else None
    if settings.kafka_ssl_ca_file is not None:
        configuration["ssl.ca.location"] = str(settings.kafka_ssl_ca_file)
    return configuration


def producer_configuration(settings: Settings) -> dict[str, Any]:
    """An idempotent producer that partitions as the Java and Faust clients do."""
    return {
        **client_configuration(settings),
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "linger.ms": 5,
        "compression.type": "lz4",
        "message.max.bytes": 16 * 1024 * 1024,
        "message.timeout.ms": 0,
    }


def require_broker(settings: Settings, timeout_seconds: float = REQUEST_SECONDS) -> AdminClient:
    """Return an admin client once a broker answered. Raises BrokerAway."""
    admin = AdminClient(client_configuration(settings))
    try:
        admin.list_topics(timeout=timeout_seconds)
    except KafkaException as error:
        raise BrokerAway(f"no broker answered at {settings.kafka_bootstrap_servers!r}: {error}") from error
    return admin


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it lies in a topic."""

    topic: str
    partition: int
    offset: int
    timestamp_unix_seconds: float
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def read_to_end(settings: Settings, topics: Iterable[str], timeout_seconds: float = 30.0) -> Iterator[StoredRecord]:
    """Yield every record that lies in the topics now, from the oldest, without joining a group.

    Raises:
        BrokerAway: no broker answers, or it stopped answering before the end was reached.
    """
    consumer = Consumer(
        {
            **client_configuration(settings),
            "group.id": "vidsignal-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.message.max.bytes": 16 * 1024 * 1024,
        }
    )
    try:
        yield from _drain(consumer, list(topics), timeout_seconds)
    finally:
        consumer.close()


def _drain(consumer: Consumer, topics: list[str], timeout_seconds: float) -> Iterator[StoredRecord]:
    waiting = _partitions(consumer, topics)
    consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in waiting])
    give_up = monotonic() + timeout_seconds
    while waiting:
        message = consumer.poll(0.5)
        if message is None:
            if monotonic() > give_up:
                raise BrokerAway(f"the end of {sorted(waiting)} was not reached within {timeout_seconds} s")
            continue
        give_up = monotonic() + timeout_seconds
        if message.error() is None:
            yield stored_record(message)
        elif message.error().code() == KafkaError._PARTITION_EOF:
            waiting.discard((message.topic(), message.partition()))
        else:
            raise BrokerAway(str(message.error()))


def _partitions(consumer: Consumer, topics: list[str]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for topic in topics:
        try:
            metadata = consumer.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic]
        except KafkaException as error:
            raise BrokerAway(f"no broker answered: {error}") from error
        found |= {(topic, partition) for partition in metadata.partitions}
    return found


def stored_record(message: Message) -> StoredRecord:
    """Copy a client's message into our own type."""
    return StoredRecord(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp_unix_seconds=message.timestamp()[1] / 1000,
        key=message.key(),
        value=message.value(),
        headers=tuple((name, value or b"") for name, value in message.headers() or ()),
    )
