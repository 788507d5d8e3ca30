"""Offsets of a topic and a group, read with the admin client."""

from __future__ import annotations

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from ops.doctor.check_context import ANSWER_SECONDS


def earliest_offsets(admin: AdminClient, places: list[TopicPartition]) -> dict[int, int]:
    """Return the oldest offset in the log, by partition."""
    return _offsets(admin, places, OffsetSpec.earliest())


def latest_offsets(admin: AdminClient, places: list[TopicPartition]) -> dict[int, int]:
    """Return the last stable offset, by partition: records of an open transaction do not count."""
    return _offsets(admin, places, OffsetSpec.latest())


def _offsets(admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[int, int]:
    asked = admin.list_offsets(
        dict.fromkeys(places, spec), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_SECONDS
    )
    return {place.partition: answer.result(ANSWER_SECONDS).offset for place, answer in asked.items()}


def num_members(admin: AdminClient, group: str) -> int:
    """Return the number of consumers in a group. Raises KafkaException, also if it may not be described."""
    asked = admin.describe_consumer_groups([group], request_timeout=ANSWER_SECONDS)
    return len(asked[group].result(ANSWER_SECONDS).members)
