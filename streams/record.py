"""A consumed record: the input of roles, independent of any client's types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.facts import SourceOffset


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a record in Kafka; the same at every redelivery."""

    topic: str
    """Name at the broker, with the stack's prefix."""
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record with everything that was received."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    """As received, in order, with duplicates."""
    timestamp_unix_seconds: float
    """Set by the broker or the producer, as the topic is configured."""
    generation: int
    """Generation of the consumer group when the record was fetched."""

    @property
    def source(self) -> SourceOffset:
        """The position, as the wire format names it."""
        return SourceOffset(topic=self.place.topic, partition=self.place.partition, offset=self.place.offset)


def record_of(message: Any) -> Record:
    """Copy a Faust message."""
    return Record(
        place=Place(message.topic, message.partition, message.offset),
        key=message.key,
        value=message.value,
        headers=tuple((name, value or b"") for name, value in message.headers or ()),
        timestamp_unix_seconds=message.timestamp,
        generation=message.generation_id,
    )
