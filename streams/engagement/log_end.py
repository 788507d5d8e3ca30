"""A stored position after the end of the log: the topic was created again, or a leader lost records.

The client would start at the beginning of the log, and the store would refuse what it reads there, again and again.
"""

from __future__ import annotations

from typing import Any, Final

import structlog
from confluent_kafka import KafkaException, TopicPartition

_ANSWER_SECONDS: Final = 5.0
_MILLISECONDS: Final = 1_000

_log = structlog.get_logger(__name__)


class LogUnknown(Exception):
    """The broker did not say where the log ends; ask again later."""


def log_end(consumer: Any, place: TopicPartition) -> int:
    """Return the offset after the last record. Raises LogUnknown."""
    try:
        return int(consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)[1])
    except KafkaException as error:
        raise _unknown(place, error) from error


def first_offset_since(consumer: Any, place: TopicPartition, unix_seconds: float, end: int) -> int:
    """Return the offset of the first record that is not older; `end` if there is none. Raises LogUnknown."""
    asked = TopicPartition(place.topic, place.partition, int(unix_seconds * _MILLISECONDS))
    try:
        (found,) = consumer.offsets_for_times([asked], timeout=_ANSWER_SECONDS)
        if found.error is not None:
            raise KafkaException(found.error)
    except KafkaException as error:
        raise _unknown(place, error) from error
    return int(found.offset) if found.offset >= 0 else end


def _unknown(place: TopicPartition, error: KafkaException) -> LogUnknown:
    _log.warning("end of the log unknown; trying later", topic=place.topic, partition=place.partition, error=str(error))
    return LogUnknown(str(error))
