"""Redrives dead letters: publishes the original bytes, key and headers to the original partition, with headers that
mark it.

An upload keeps the log position of its original, so that its order to deletions stays the same.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Final

from confluent_kafka import KafkaException

from schemas.dead_letters import DeadLetter
from schemas.topics import UPLOADED
from streams.config.settings import Settings
from streams.kafka.clients import REQUEST_SECONDS, BrokerUnavailable, require_broker
from streams.kafka.confirmed_publishing import OutgoingRecord, publish_confirmed
from streams.uploads.headers import REDRIVE_HEADER
from streams.uploads.places import original_place, with_place

_MOST_DIGITS: Final = 10


def redriven_headers(dead_letter: DeadLetter) -> list[tuple[str, bytes]]:
    """Return the original headers in order, with the redrive count raised, and an upload's original log position."""
    count = next((_number(value) for name, value in dead_letter.headers if name == REDRIVE_HEADER), 0)
    kept = tuple((name, value) for name, value in dead_letter.headers if name != REDRIVE_HEADER)
    if dead_letter.source.topic.endswith(UPLOADED.name):
        kept = with_place(kept, original_place(dead_letter.source, kept))
    return [*kept, (REDRIVE_HEADER, str(count + 1).encode())]


def _number(value: bytes) -> int:
    """Return a count; 0 if a producer wrote something else there."""
    return int(value) if value.isdigit() and len(value) < _MOST_DIGITS else 0


def redrive_dead_letters(settings: Settings, dead_letters: Iterable[DeadLetter]) -> int:
    """Publish each dead letter's original record to its source topic; return their number once all are confirmed.

    Raises:
        BrokerUnavailable: no broker answered, or a record was refused or not confirmed.
    """
    partitions = _partitions(settings)
    return publish_confirmed(settings, (_redriven(dead_letter, partitions) for dead_letter in dead_letters))


def _redriven(dead_letter: DeadLetter, partitions: Mapping[str, Container[int]]) -> OutgoingRecord:
    """Return the record, for the original's partition if the topic still has it: positions compare within one
    partition."""
    source = dead_letter.source
    partition = source.partition if source.partition in partitions.get(source.topic, ()) else None
    return OutgoingRecord(
        source.topic, dead_letter.key, dead_letter.value, redriven_headers(dead_letter), partition=partition
    )


def _partitions(settings: Settings) -> Mapping[str, Container[int]]:
    try:
        found = require_broker(settings).list_topics(timeout=REQUEST_SECONDS).topics
    except KafkaException as error:
        raise BrokerUnavailable(f"no broker tells the partitions of the topics: {error}") from error
    return {name: topic.partitions for name, topic in found.items()}
