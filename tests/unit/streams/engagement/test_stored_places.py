"""Where partitions stand, as the store has it, and what is no place."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import TopicPartition

from streams.engagement.store import EngagementStore, Retention
from streams.store.keys import Keys

pytestmark = pytest.mark.usefixtures("silent_logs")


class Values:
    """A Redis that has these under whatever is asked."""

    def __init__(self, *values: bytes | None) -> None:
        self._values = values

    def mget(self, _names: list[str]) -> tuple[bytes | None, ...]:
        return self._values


@pytest.mark.parametrize("value", [b"", b"x", b"-1", b"9223372036854775808", b"9" * 20, b"9" * 5_000])
def test_what_is_no_offset_stops_its_partition_only(value: bytes) -> None:
    """Also a number that is none of Kafka's: the client cannot be told it, and every worker would end over it."""
    redis: Any = Values(b"7", value, None)
    assert EngagementStore(redis, Keys(), "topic", Retention(1.0, 1.0)).positions([0, 1, 2]) == {0: 7, 2: None}


def test_the_largest_offset_is_one() -> None:
    """The client takes it."""
    redis: Any = Values(b"9223372036854775807")
    (place,) = EngagementStore(redis, Keys(), "topic", Retention(1.0, 1.0)).positions([0]).values()
    assert TopicPartition("topic", 0, place).offset == 2**63 - 1
