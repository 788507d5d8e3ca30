"""Committed offsets of a consumer group, read without joining it."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.config.settings import Settings
from streams.kafka.clients import REQUEST_SECONDS, client_configuration


def committed_offsets(
    settings: Settings, group: str, places: Sequence[TopicPartition], *, timeout_seconds: float = REQUEST_SECONDS
) -> dict[int, int | None]:
    """Return the committed offset by partition; None if the group never committed one. Raises KafkaException.

    Uses a consumer that never joins: the admin client of librdkafka 2.16 ends the process if a coordinator has just
    moved or is still loading (confluent-kafka-javascript issue 374).
    """
    consumer = Consumer({**client_configuration(settings), "group.id": group, "enable.auto.commit": False})
    try:
        found = consumer.committed(list(places), timeout=timeout_seconds)
    finally:
        consumer.close()
    for place in found:
        if place.error is not None:
            raise KafkaException(place.error)
    return {place.partition: place.offset if place.offset >= 0 else None for place in found}
