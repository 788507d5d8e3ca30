"""What retention removed before it was counted is told; what only looks like it is not."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from prometheus_client import REGISTRY

from streams.engagement.retention_loss import num_removed, tell_removed

TOPIC = "removed.video.engagement"
PLACE = TopicPartition(TOPIC, 0)


class Consumer:
    """Knows where the log begins, or not."""

    def __init__(self, first_kept: int | None) -> None:
        self._first_kept = first_kept
        self.num_asked = 0

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        assert (place.topic, timeout > 0) == (TOPIC, True)
        self.num_asked += 1
        if self._first_kept is None:
            raise KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))
        return self._first_kept, 1_000


def lost() -> float:
    labels = {"role": "engagement", "topic": TOPIC}
    return REGISTRY.get_sample_value("vidsignal_records_lost_total", labels) or 0.0


@pytest.mark.parametrize(
    ("position", "first_offset", "first_kept", "removed"),
    [
        (10, 10, 0, 0),  # the log goes on where the counts end
        (10, 14, 14, 4),
        (10, 16, 14, 4),  # the rest of the jump are offsets without records
        (10, 11, 0, 0),  # a transaction ended there
        (None, 5, 5, 5),  # a store that knows nothing of a log whose beginning is gone
        (None, 0, 0, 0),
        (20, 12, 12, 0),  # the same records again
    ],
)
def test_how_many(position: int | None, first_offset: int, first_kept: int, removed: int) -> None:
    """From where the counts end to where the log begins, and no further than what came."""
    assert num_removed(position, first_offset, first_kept) == removed


def test_nobody_is_asked_while_offsets_follow_each_other() -> None:
    """The usual batch costs no call."""
    consumer: Any = Consumer(0)
    tell_removed(consumer, PLACE, 10, 10)
    tell_removed(consumer, PLACE, None, 0)
    assert consumer.num_asked == 0


@pytest.mark.parametrize(("first_kept", "told"), [(14, 4), (3, 0), (None, 4)])
def test_a_jump_is_looked_into(first_kept: int | None, told: int) -> None:
    """A broker that does not answer leaves a false alarm rather than silence."""
    before = lost()
    tell_removed(Consumer(first_kept), PLACE, 10, 14)
    assert lost() - before == told
