"""Offsets of a topic and a group, asked through the administration."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from ops.doctor.world import ANSWER_SECONDS
from streams.kafka_clients import client_configuration
from streams.settings import Settings


def committed_offsets(settings: Settings, group: str, places: list[TopicPartition]) -> dict[int, int | None]:
    """By partition, what a group committed; None where it never did. Raises KafkaException.

    Asked through a consumer that never joins: librdkafka 2.16's administration ends the process where a coordinator
    has just moved or is still loading (confluent-kafka-javascript issue 374).
    """
    consumer = Consumer({**client_configuration(settings), "group.id": group, "enable.auto.commit": False})
    try:
        found = consumer.committed(places, timeout=ANSWER_SECONDS)
    finally:
        consumer.close()
    for place in found:
        if place.error is not None:
            raise KafkaException(place.error)
    return {place.partition: place.offset if place.offset >= 0 else None for place in found}


def earliest_offsets(admin: AdminClient, places: list[TopicPartition]) -> dict[int, int]:
    """By partition, the oldest offset that the log still holds."""
    return _offsets(admin, places, OffsetSpec.earliest())


def latest_offsets(admin: AdminClient, places: list[TopicPartition]) -> dict[int, int]:
    """By partition, the offset of the next record."""
    return _offsets(admin, places, OffsetSpec.latest())


def _offsets(admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[int, int]:
    asked = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=ANSWER_SECONDS)
    return {place.partition: answer.result(ANSWER_SECONDS).offset for place, answer in asked.items()}


def num_members(admin: AdminClient, group: str) -> int:
    """How many consumers a group has. Raises KafkaException, also where we may not see it."""
    asked = admin.describe_consumer_groups([group], request_timeout=ANSWER_SECONDS)
    return len(asked[group].result(ANSWER_SECONDS).members)
