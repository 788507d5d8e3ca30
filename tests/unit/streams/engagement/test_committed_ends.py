"""What the engagement role commits: what is counted, and over what is no record behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError

from streams.engagement.consumer import EngagementConsumer
from streams.engagement.group_wait import GroupWait
from tests.fakes import ManualClock


class Client:
    """As much of librdkafka's client as gives one batch."""

    def __init__(self, *messages: Any) -> None:
        self.messages = messages
        self.during: Callable[[], None] = lambda: None
        """Happens while the batch is waited for."""

    def consume(self, num_messages: int, timeout_seconds: float) -> tuple[Any, ...]:
        self.during()
        return self.messages

    def seek(self, place: Any) -> None:
        """Nothing is fetched here."""

    assign = seek


def consumer(positions: dict[int, int | None], *messages: Any) -> EngagementConsumer:
    """A consumer that was assigned these partitions, stands there, and took this batch."""
    made = assigned(positions, Client(*messages))
    made._consume()
    return made


def assigned(positions: dict[int, int | None], client: Client) -> EngagementConsumer:
    """A consumer that was assigned these partitions and stands there."""
    wait = GroupWait(threading.Event(), ManualClock())
    parts: Any = SimpleNamespace(clock=ManualClock(), wait=wait, store=None)
    made = EngagementConsumer({}, "topic", parts, lambda: None, lambda: None)
    made._positions = positions
    made._consumer = client
    return made


def end(partition: int, offset: int) -> Any:
    """The client's note that there is nothing more."""
    return SimpleNamespace(
        error=lambda: KafkaError(KafkaError._PARTITION_EOF), partition=lambda: partition, offset=lambda: offset
    )


class TestCommittable:
    def test_follows_the_end_of_a_partition(self) -> None:
        """Markers and aborted records behind the last event are passed; an empty partition has an end, too."""
        record = SimpleNamespace(error=lambda: None)
        made = assigned({0: 4, 1: None, 2: 9}, Client(record, end(0, 7), end(1, 3), end(2, 9)))
        assert made._consume() == [record]
        assert made._committable() == {0: 7, 1: 3, 2: 9}

    def test_is_what_is_counted_where_that_is_more(self) -> None:
        """Events that came behind an end are counted beyond it."""
        made = consumer({0: 4}, end(0, 4))
        made._positions[0] = 6
        assert made._committable() == {0: 6}

    def test_forgets_an_end_that_was_found_from_elsewhere(self) -> None:
        """Where the store went back, what lies between is counted again before anything is committed over it."""
        made = consumer({0: 9}, end(0, 12))
        made._go_to(0, 5)
        assert made._committable() == {0: 5}

    def test_says_nothing_of_partitions_that_left(self) -> None:
        """A note that was under way when a partition was revoked moves nobody's offset."""
        assert consumer({0: 4}, end(1, 12))._committable() == {0: 4}

    def test_says_nothing_of_an_earlier_assignment(self) -> None:
        """A partition that left and came back within one batch may stand before the end that is noted there."""
        client = Client(end(0, 12))
        made = assigned({0: 4}, client)
        client.during = lambda: setattr(made, "_was_rebalanced", True)
        assert made._consume() == []
        assert made._committable() == {0: 4}
