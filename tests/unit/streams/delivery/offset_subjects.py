"""Two ways to decide which offset may be committed, behind one small interface: ours and stock Faust's."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any, Protocol

from faust.transport.drivers import aiokafka as stock
from faust.types import TP
from intervaltree import IntervalTree

from streams.delivery.committable_offsets import CommittableOffsets

PARTITION = TP("topic", 0)


class StockMessage:
    """As much of Faust's message as its consumer looks at."""

    def __init__(self, offset: int) -> None:
        self.acked = False
        self.tp = PARTITION
        self.topic = "topic"
        self.offset = offset


class OffsetSubject(Protocol):
    """What a consumer does with offsets."""

    def begin(self, committed: int | None) -> None:
        """A generation begins; reading goes on at the committed offset."""

    def deliver(self, offset: int) -> Any:
        """A record is handed out; returns what `finish` needs."""

    def finish(self, delivered: Any) -> None:
        """Its work is done."""

    def commit(self) -> int | None:
        """The offset that would be committed now, or None."""


class TrackedSubject:
    """Ours."""

    def __init__(self) -> None:
        self._tracked_offsets = CommittableOffsets()
        self._generation = 0

    def begin(self, committed: int | None) -> None:
        self._generation += 1
        self._tracked_offsets.open([PARTITION], self._generation)

    def deliver(self, offset: int) -> tuple[int, int]:
        self._tracked_offsets.deliver(PARTITION, offset)
        return offset, self._generation

    def finish(self, delivered: tuple[int, int]) -> None:
        offset, generation = delivered
        self._tracked_offsets.finish(PARTITION, offset, agent="agent", generation=generation)

    def commit(self) -> int | None:
        return self._tracked_offsets.uncommitted().get(PARTITION)


class StockSubject:
    """The bookkeeping of Faust's own consumer, without its services and threads."""

    def __init__(self) -> None:
        consumer = object.__new__(stock.Consumer)
        consumer.app = SimpleNamespace(topics=SimpleNamespace(acks_enabled_for=lambda topic: True))
        consumer._unacked_messages = set()
        consumer._waiting_for_ack = None
        consumer._n_acked = 0
        self._consumer = consumer

    def begin(self, committed: int | None) -> None:
        self._consumer._gap = defaultdict(IntervalTree)
        self._consumer._acked = defaultdict(list)
        self._consumer._acked_index = defaultdict(set)
        self._consumer._committed_offset = defaultdict(lambda: None, {PARTITION: committed})

    def deliver(self, offset: int) -> Any:
        return StockMessage(offset)

    def finish(self, delivered: Any) -> None:
        self._consumer.ack(delivered)

    def commit(self) -> int | None:
        offset = self._consumer._filter_committable_offsets([PARTITION]).get(PARTITION)
        if offset is not None:
            self._consumer._committed_offset[PARTITION] = offset
        return offset
