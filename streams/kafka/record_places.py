"""Reads records at known log positions, and nothing else of their topic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Final

from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.facts import SourceOffset
from streams.config.settings import Settings
from streams.kafka.clients import (
    READER_GROUP,
    REQUEST_SECONDS,
    BrokerUnavailable,
    StoredRecord,
    answered_consumer,
    failure_of,
    stored_record,
)

_FETCH_BYTES: Final = 16 * 1024 * 1024


def read_places(settings: Settings, places: Iterable[SourceOffset]) -> Iterator[StoredRecord]:
    """Yield the record at each position that still has one; removed records are left out.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    consumer = answered_consumer(
        settings,
        {
            "group.id": READER_GROUP,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "latest",  # if retention removed the record, later ones are not wanted
            "fetch.wait.max.ms": 10,
            "fetch.message.max.bytes": _FETCH_BYTES,
            "queued.max.messages.kbytes": 1024,  # one record is wanted, without those after it
        },
    )
    try:
        for place in places:
            record = _read(consumer, place)
            if record is not None:
                yield record
    finally:
        consumer.close()


def _read(consumer: Consumer, place: SourceOffset) -> StoredRecord | None:
    consumer.assign([TopicPartition(place.topic, place.partition, place.offset)])
    give_up = monotonic() + REQUEST_SECONDS
    while monotonic() < give_up:
        message = consumer.poll(0.5)
        if message is None:
            continue
        error = message.error()
        if error is None:
            return stored_record(message) if message.offset() == place.offset else None
        if error.code() == KafkaError._PARTITION_EOF:
            return None
        raise failure_of(message)
    raise BrokerUnavailable(f"{place.topic}/{place.partition}@{place.offset} was not read within {REQUEST_SECONDS:g} s")
