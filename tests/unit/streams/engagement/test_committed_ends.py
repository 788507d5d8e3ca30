"""What the engagement role commits: what is counted, and over what is no record behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from confluent_kafka import KafkaError

from streams.delivery.held_events import HeldEvents
from streams.engagement.assigned_partitions import AssignedPartitions, Told
from streams.engagement.group_wait import GroupWait
from streams.engagement.store import EngagementStore
from streams.engagement.summaries import ROLE
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

    def get_watermark_offsets(self, place: Any, timeout: float) -> tuple[int, int]:
        """The log is long enough."""
        del place, timeout
        return 0, 1_000


def read(positions: dict[int, int | None], *messages: Any) -> AssignedPartitions:
    """Partitions that were assigned, stand there, and were read once."""
    made = assigned(positions, Client(*messages))
    made.fetch(1, 0.0)
    return made


def assigned(positions: dict[int, int | None], client: Client) -> AssignedPartitions:
    """Partitions that were assigned and stand there."""
    clock, store = ManualClock(), cast("EngagementStore", None)
    held = HeldEvents(ROLE, clock, max_dead_letters=1, window_seconds=600.0)
    told = Told(lambda: None, lambda: None)
    made = AssignedPartitions("topic", store, GroupWait(threading.Event(), clock), held, clock, told)
    made.positions, made.client = positions, client
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
        assert made.fetch(1, 0.0) == [record]
        assert made.committable() == {0: 7, 1: 3, 2: 9}

    def test_is_what_is_counted_where_that_is_more(self) -> None:
        """Events that came behind an end are counted beyond it."""
        made = read({0: 4}, end(0, 4))
        made.positions[0] = 6
        assert made.committable() == {0: 6}

    def test_forgets_an_end_that_was_found_from_elsewhere(self) -> None:
        """Where the store went back, what is between is counted again before anything is committed over it."""
        made = read({0: 9}, end(0, 12))
        made.go_to(0, 5)
        assert made.committable() == {0: 5}

    def test_says_nothing_of_partitions_that_left(self) -> None:
        """A note that was under way when a partition was revoked moves nobody's offset."""
        assert read({0: 4}, end(1, 12)).committable() == {0: 4}

    def test_says_nothing_of_an_earlier_assignment(self) -> None:
        """A partition that left and came back within one batch may stand before the end that is noted there."""
        client = Client(end(0, 12))
        made = assigned({0: 4}, client)
        client.during = lambda: setattr(made, "_was_rebalanced", True)
        assert made.fetch(1, 0.0) == []
        assert made.committable() == {0: 4}
