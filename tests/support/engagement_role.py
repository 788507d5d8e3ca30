"""The consumer of the engagement role without a thread, on a store in memory: a test takes one step at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import TopicPartition

from schemas.facts import Failure
from streams.delivery.held_events import HeldEvents
from streams.engagement.batch_board import BatchBoard, Suspects
from streams.engagement.batch_changes import Changes, Found
from streams.engagement.consumer import EngagementConsumer, Parts
from streams.engagement.group_wait import GroupWait
from streams.engagement.summaries import ROLE
from streams.lifecycle.exclusive_board import ExclusiveBoard
from tests.fakes import ManualClock
from tests.support.engagement_log import TOPIC, LogClient, LogEvent

LIMIT = 3


@dataclass
class MemoryStore:
    """Where partitions stand, and which videos were counted."""

    stands: dict[int, int | None]
    counted: list[str] = field(default_factory=list, init=False)
    counted_until_unix_seconds: float = field(default=0.0, init=False)

    def positions(self, partitions: Sequence[int]) -> dict[int, int | None]:
        return {partition: self.stands[partition] for partition in partitions}

    def suspects(self, partitions: Sequence[int]) -> dict[int, Suspects]:
        del partitions
        return {}

    def move(self, partition: int, before: int, after: int) -> bool:
        is_same = self.stands[partition] == before
        self.stands[partition] = after if is_same else self.stands[partition]
        return is_same

    def repeatable_since(self, partition: int, now_unix_seconds: float) -> float:
        del partition, now_unix_seconds
        return self.counted_until_unix_seconds

    @contextmanager
    def begin(self) -> Any:
        yield None

    def read(self, transaction: Any, arrivals: Any) -> Found:
        del transaction
        videos = [arrival.event.video_id for found in arrivals.values() for arrival in found]
        return Found(self.positions(list(arrivals)), {}, dict.fromkeys(videos), frozenset(), frozenset())

    def commit(self, transaction: Any, changes: Changes, found: Found) -> None:
        del transaction, found
        self.counted += changes.records
        self.stands.update(changes.positions)


@dataclass
class FaultyStore(MemoryStore):
    """One that cannot count some videos, knows of deaths, and may be changed by somebody else."""

    poison: frozenset[str] = frozenset()
    fault: Callable[[], Exception] = lambda: ValueError("a bug")
    unreadable: frozenset[int] = frozenset()
    deaths: dict[int, Suspects] = field(default_factory=dict)
    num_commits: int = 0
    moves: dict[int, int] = field(default_factory=dict)
    """Partitions that somebody else counts on in, once something was counted here."""

    def positions(self, partitions: Sequence[int]) -> dict[int, int | None]:
        return super().positions([partition for partition in partitions if partition not in self.unreadable])

    def suspects(self, partitions: Sequence[int]) -> dict[int, Suspects]:
        return {partition: self.deaths[partition] for partition in partitions if partition in self.deaths}

    def forget_suspects(self, partition: int, position: int) -> None:
        assert self.deaths.pop(partition).last < position

    def repair(self, error: Exception) -> bool:
        del error
        return False

    def commit(self, transaction: Any, changes: Changes, found: Found) -> None:
        if self.poison.intersection(changes.records):
            raise self.fault()
        self.num_commits += 1
        super().commit(transaction, changes, found)
        if self.counted:
            self.stands |= self.moves


class NothingRefused:
    """Takes what is said, as long as no event is refused."""

    def refuse(self, refusals: Sequence[Any]) -> None:
        assert not refusals

    def poll(self, partitions: Any) -> None:
        del partitions


@dataclass
class LoopBridge:
    """Keeps what was refused."""

    refused: list[tuple[int, str]] = field(default_factory=list)
    fault: Exception | None = None

    def refuse(self, refusals: Sequence[tuple[LogEvent, Failure]]) -> None:
        if refusals and self.fault is not None:
            raise self.fault
        self.refused += [(message.offset(), failure.cause) for message, failure in refusals]

    def poll(self, partitions: Any) -> None:
        del partitions


class Role:
    """A consumer, without a thread."""

    def __init__(self, store: FaultyStore, batch: list[LogEvent], board: ExclusiveBoard | None = None) -> None:
        self.store, self.bridge, self.clock = store, LoopBridge(), ManualClock()
        self.held = HeldEvents(ROLE, self.clock, max_dead_letters=LIMIT, window_seconds=600.0)
        self.stopping = threading.Event()
        wait = GroupWait(self.stopping, self.clock)
        parts = Parts(store, self.bridge, self.bridge, self.clock, wait, 60.0, self.held, BatchBoard(board))  # type: ignore[arg-type]
        self.consumer: Any = EngagementConsumer({}, TOPIC, parts, lambda: None, lambda: None)
        log = {partition: [event for event in batch if event.at_partition == partition] for partition in store.stands}
        self.client = self.consumer._partitions.client = LogClient(log)
        self.assign(*store.stands)

    def assign(self, *partitions: int) -> None:
        self.consumer._partitions.take(self.client, [TopicPartition(TOPIC, partition) for partition in partitions])

    def step(self) -> None:
        self.consumer._step()
