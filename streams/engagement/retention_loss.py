"""Retention loss: records that were removed before they were counted, between the stored offset and the start of the
log."""

from __future__ import annotations

from typing import Any, Final

import structlog
from confluent_kafka import KafkaException, TopicPartition

from streams.engagement.summaries import ROLE
from streams.observability import metrics

_ANSWER_SECONDS: Final = 5.0

_log = structlog.get_logger(__name__)


def num_removed(position: int | None, first_offset: int, first_kept: int) -> int:
    """Return how many records are permanently missing from the counts.

    A jump of offsets alone proves nothing: transactions of producers leave offsets without records, too.

    Args:
        position: the next offset that is not counted; None if nothing was counted.
        first_offset: of the first delivered record.
        first_kept: the first offset that is still in the log.
    """
    return max(0, min(first_kept, first_offset) - (position or 0))


def tell_removed(consumer: Any, place: TopicPartition, position: int | None, first_offset: int) -> None:
    """Count and log records that are missing before a batch; queries the broker only if offsets jump.

    Args:
        consumer: of confluent-kafka, queried for the start of the log.
        place: topic and partition.
        position: see `num_removed`.
        first_offset: see `num_removed`.
    """
    if first_offset <= (position or 0):
        return
    removed = num_removed(position, first_offset, _first_kept(consumer, place, first_offset))
    if removed:
        metrics.RECORDS_LOST.labels(ROLE, place.topic).inc(removed)
        _log.error(
            "engagement events lost: retention removed them before they were counted;"
            " keep the topic longer, or add workers",
            topic=place.topic, partition=place.partition, removed=removed, counted_up_to=position or 0,
        )  # fmt: skip


def _first_kept(consumer: Any, place: TopicPartition, first_offset: int) -> int:
    try:
        return int(consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)[0])
    except KafkaException as error:
        _log.warning("log start offset unknown: the broker does not report it", error=str(error))
        return first_offset  # a false alarm is better than silence
