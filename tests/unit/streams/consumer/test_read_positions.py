"""The committed offset follows the reading position over what is no record, and never over unfinished work."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.consumer.consumer_thread import Fetched
from streams.consumer.flow import Grant
from streams.consumer.safe_consumer import SafeConsumer
from streams.delivery.committable_offsets import CommittableOffsets
from streams.delivery.offset_tracker import OffsetTracker

PARTITION = TP("topic", 0)
AGENTS = ("frames", "audio")


class HandingConsumer(SafeConsumer):
    """As much of the consumer as hands fetched records out."""

    def __init__(self) -> None:
        self.tracked_offsets = CommittableOffsets(len(AGENTS))
        self.policy: Any = SimpleNamespace(tracked_offsets=self.tracked_offsets, is_broker_embedded=False, role="media")
        self.app: Any = SimpleNamespace(consumer_generation_id=-1)
        self._flow: Any = SimpleNamespace(require_served=lambda grant: None)
        self.scheduler = DefaultSchedulingStrategy()
        self.handed_out: list[Any] = []
        self._expected = {}
        self.callback = self._counting(self._note)

    async def _note(self, message: Any) -> None:
        self.handed_out.append(message)


def record(offset: int) -> Any:
    """As aiokafka makes them."""
    return SimpleNamespace(
        topic=PARTITION.topic,
        partition=PARTITION.partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        headers=(),
        key=b"key",
        value=b"{}",
        checksum=None,
        serialized_key_size=3,
        serialized_value_size=2,
    )


@dataclass
class Log:
    """A log of records and of offsets that are none, as a client reads it.

    Args:
        is_record: of each offset: a record, or a marker, an aborted record or a hole.
    """

    is_record: list[bool]
    position: int = 0
    committed: int = 0
    generation: int = 1
    finished: set[int] = field(default_factory=set)
    running: list[tuple[int, str, int]] = field(default_factory=list)
    consumer: HandingConsumer = field(default_factory=HandingConsumer)

    def begin(self) -> None:
        """A generation begins where the group has committed."""
        self.generation += 1
        self.position = self.committed
        self.consumer.tracked_offsets.open([PARTITION], self.generation, {PARTITION: self.committed})
        self.consumer._expected = {PARTITION: self.committed}

    async def fetch(self, num_offsets: int) -> None:
        """Hand out the records of the next offsets, perhaps none, and tell the position behind them."""
        end = min(self.position + num_offsets, len(self.is_record))
        found = [record(offset) for offset in range(self.position, end) if self.is_record[offset]]
        self.position = end
        fetched = Fetched({PARTITION: found} if found else {}, {(PARTITION.topic, PARTITION.partition): end})
        await self.consumer._hand_out_all(fetched, Grant(frozenset({PARTITION}), self.generation))
        self.running += [(given.offset, agent, self.generation) for given in found for agent in AGENTS]

    def finish(self, number: int) -> None:
        """One agent is done with one record, perhaps of an earlier generation."""
        offset, agent, generation = self.running.pop(number % len(self.running))
        if all(left[0] != offset or left[2] != generation for left in self.running):
            self.finished.add(offset)
        self.consumer.tracked_offsets.finish(PARTITION, offset, agent=agent, generation=generation)

    def commit(self) -> None:
        """Commit what may be, and check that nothing unfinished is passed."""
        offsets = self.consumer.tracked_offsets.uncommitted()
        self.consumer.tracked_offsets.note_committed(offsets)
        assert self.consumer.tracked_offsets.uncommitted() == {}
        self.committed = offsets.get(PARTITION, self.committed)
        passed = {offset for offset in range(self.committed) if self.is_record[offset]}
        assert passed <= self.finished


EVENTS = st.lists(
    st.tuples(st.sampled_from(["fetch", "finish", "commit", "rebalance"]), st.integers(0, 7)), max_size=60
)


class TestReadPositions:
    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.booleans(), max_size=30), EVENTS)
    async def test_commits_follow_and_never_pass(self, is_record: list[bool], events: list[tuple[str, int]]) -> None:
        """In any order of events no commit passes an unfinished record; at rest it is the end of the log."""
        log = Log(is_record)
        log.begin()
        for event, number in events:
            if event == "fetch":
                await log.fetch(number)
            elif event == "finish" and log.running:
                log.finish(number)
            elif event == "commit":
                log.commit()
            elif event == "rebalance":
                log.begin()
        await log.fetch(len(is_record))
        while log.running:
            log.finish(0)
        log.commit()
        assert log.committed == len(is_record)

    async def test_records_carry_the_generation_they_were_granted_in(self) -> None:
        """Work is counted in the generation whose seek brought its record, whatever the client has joined since."""
        log = Log([True])
        log.begin()
        await log.fetch(1)
        assert [message.generation_id for message in log.consumer.handed_out] == [log.generation]

    def test_a_position_waits_for_what_was_delivered_before_it(self) -> None:
        """A marker behind unfinished work is committed only with that work."""
        window = OffsetTracker()
        window.deliver(0)
        window.read_to(5)
        assert window.committable is None
        window.finish(0)
        assert window.committable == 5

    def test_what_is_delivered_behind_a_position_holds_it(self) -> None:
        """A position says nothing of records that were fetched later."""
        window = OffsetTracker()
        window.read_to(3)
        window.deliver(4)
        window.read_to(6)
        assert window.committable == 3


class TestUncommitted:
    def test_names_only_what_moved(self) -> None:
        """A commit costs what moved since the last one, not what is assigned."""
        tracked_offsets = CommittableOffsets()
        partitions = [("topic", number) for number in range(100)]
        tracked_offsets.open(partitions, 1, dict.fromkeys(partitions, 7))
        for partition in partitions:
            tracked_offsets.read_to(partition, 7)
        assert tracked_offsets.uncommitted() == {}
        tracked_offsets.deliver(("topic", 3), 7)
        tracked_offsets.finish(("topic", 3), 7, agent="agent", generation=1)
        assert tracked_offsets.uncommitted() == {("topic", 3): 8}

    def test_an_empty_partition_is_committed_at_its_end(self) -> None:
        """Of a group that never committed, the end of an empty log is as good a place as any other."""
        tracked_offsets = CommittableOffsets()
        tracked_offsets.open([("topic", 0)], 1)
        tracked_offsets.read_to(("topic", 0), 0)
        assert tracked_offsets.uncommitted() == {("topic", 0): 0}
        tracked_offsets.note_committed({("topic", 0): 0})
        assert tracked_offsets.uncommitted() == {}

    def test_commits_nothing_below_what_is_committed(self) -> None:
        """A store that is behind has records read again: they move no commit back."""
        tracked_offsets = CommittableOffsets()
        tracked_offsets.open([("topic", 0)], 1, {("topic", 0): 9})
        for offset in range(5, 10):
            tracked_offsets.deliver(("topic", 0), offset)
            tracked_offsets.finish(("topic", 0), offset, agent="agent", generation=1)
            assert tracked_offsets.uncommitted() == ({("topic", 0): 10} if offset == 9 else {})
