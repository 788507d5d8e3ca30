"""The window of one partition."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.delivery.committable_offsets import CommittableOffsets
from streams.delivery.offset_tracker import OffsetTracker

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), st.integers(0, 4), st.just("")),
        st.tuples(st.just("finish"), st.integers(0, 4), st.sampled_from("ab")),
        st.tuples(st.just("read_to"), st.integers(0, 7), st.just("")),
    ),
    max_size=15,
)
"""Few offsets, so that steps often meet each other's."""


class TrackedBySets:
    """The same as `OffsetTracker`, said as a law: everything is kept, and everything is computed again."""

    def __init__(self, num_finishers: int) -> None:
        self.num_finishers = num_finishers
        self.accepted: list[int] = []
        self.finishers: dict[int, set[str]] = {}
        self.read_position = -1
        self.committable: int | None = None

    def deliver(self, offset: int, agent: str) -> None:
        is_behind = self.committable is not None and offset < self.committable
        if offset not in self.finishers and not is_behind and offset > max(self.unfinished(), default=-1):
            self.accepted.append(offset)
            self.finishers[offset] = set()

    def finish(self, offset: int, agent: str) -> None:
        if offset in self.finishers:
            self.finishers[offset].add(agent)
            self.raise_committable()

    def read_to(self, position: int, agent: str) -> None:
        self.read_position = max(self.read_position, position)
        self.raise_committable()

    def unfinished(self) -> list[int]:
        return [offset for offset in self.accepted if len(self.finishers[offset]) < self.num_finishers]

    def raise_committable(self) -> None:
        unfinished = self.unfinished()
        prefix = [offset + 1 for offset in self.accepted if not unfinished or offset < unfinished[0]]
        reached = [*prefix, *([self.read_position] if not unfinished and self.read_position >= 0 else [])]
        if reached:
            self.committable = max(*reached, -1 if self.committable is None else self.committable)


class TestOffsetWindow:
    @settings(max_examples=500)
    @given(st.integers(1, 2), STEPS)
    def test_is_the_end_of_the_finished_prefix(self, num_finishers: int, steps: list[tuple[str, int, str]]) -> None:
        """Whatever is delivered once or again, finished in any order, or read over: after every step."""
        tracker, law = OffsetTracker(num_finishers), TrackedBySets(num_finishers)
        for step, offset, agent in steps:
            getattr(tracker, step)(*([offset, agent] if step == "finish" else [offset]))
            getattr(law, step)(offset, agent)
            assert tracker.committable == law.committable

    @pytest.mark.parametrize("offset", [4, 5])
    def test_a_redelivery_of_an_unfinished_record_changes_nothing(self, offset: int) -> None:
        """The newest one as well: its finish counts, and what is behind it is committable."""
        tracker = OffsetTracker()
        for delivered in (4, 5, offset):
            tracker.deliver(delivered)
        tracker.finish(4)
        tracker.finish(5)
        assert tracker.committable == 6
        tracker.finish(offset)
        assert tracker.committable == 6

    def test_a_redelivery_behind_the_committable_offset_changes_nothing(self) -> None:
        """It holds up neither a commit nor the records behind it."""
        tracker = OffsetTracker()
        tracker.deliver(4)
        tracker.finish(4)
        tracker.deliver(4)
        tracker.deliver(5)
        tracker.finish(5)
        assert tracker.committable == 6

    def test_finished_records_take_no_memory(self) -> None:
        """A worker that runs for weeks holds what is unfinished, and nothing else."""
        sizes = []
        for count in (1, 1000):
            tracker = OffsetTracker()
            for offset in range(1000, 1000 + count):
                tracker.deliver(offset)
                tracker.finish(offset)
            sizes.append(len(pickle.dumps(tracker)))
        assert sizes[0] == sizes[1]

    def test_nothing_before_anything_is_finished(self) -> None:
        """A fresh group commits nothing while its first record runs, whatever is finished behind it."""
        tracker = OffsetTracker()
        tracker.deliver(0)
        tracker.deliver(1)
        tracker.finish(1)
        assert tracker.committable is None

    def test_advances_over_a_hole_in_the_log(self) -> None:
        """Offsets that never were delivered hold nothing up."""
        tracker = OffsetTracker()
        tracker.deliver(10)
        tracker.deliver(15)
        tracker.finish(10)
        assert tracker.committable == 11
        tracker.finish(15)
        assert tracker.committable == 16

    def test_waits_for_every_agent(self) -> None:
        """A record is done when each of its agents is; one agent counts once."""
        tracker = OffsetTracker(num_finishers=2)
        tracker.deliver(0)
        tracker.finish(0, "frames")
        tracker.finish(0, "frames")
        assert tracker.committable is None
        tracker.finish(0, "audio")
        assert tracker.committable == 1

    def test_ignores_unknown_offsets(self) -> None:
        """Finishing what was not delivered changes nothing, now or when it is delivered later."""
        tracker = OffsetTracker()
        tracker.finish(0)
        tracker.deliver(0)
        assert tracker.committable is None
        tracker.deliver(1)
        tracker.finish(1)
        assert tracker.committable is None

    def test_refuses_no_agents(self) -> None:
        """A window that nobody finishes would commit unread records."""
        with pytest.raises(ValueError, match="at least one agent"):
            OffsetTracker(0)


FIRST, SECOND = ("t", 0), ("t", 1)


def opened(*partitions: tuple[str, int], committed: dict[tuple[str, int], int] | None = None) -> CommittableOffsets:
    """The offsets of generation 1."""
    tracked_offsets = CommittableOffsets()
    tracked_offsets.open(partitions or (FIRST,), 1, committed)
    return tracked_offsets


def work_through(tracked_offsets: CommittableOffsets, partition: tuple[str, int], *offsets: int) -> None:
    """Deliver and finish records."""
    for offset in offsets:
        tracked_offsets.deliver(partition, offset)
        tracked_offsets.finish(partition, offset, agent="agent", generation=tracked_offsets.generation)


class TestOffsetLedger:
    def test_nothing_is_known_before_the_first_assignment(self) -> None:
        """Work of before changes nothing; no generation of a group is below 0."""
        tracked_offsets = CommittableOffsets()
        assert tracked_offsets.generation < 0
        work_through(tracked_offsets, FIRST, 0)
        assert (tracked_offsets.uncommitted(), tracked_offsets.handed_out(FIRST)) == ({}, None)
        assert (tracked_offsets.num_delivered, tracked_offsets.num_finished) == (0, 0)

    def test_counts_what_is_delivered_and_finished(self) -> None:
        """A watchdog sees each one, of this generation and of those before it."""
        tracked_offsets = opened()
        tracked_offsets.deliver(FIRST, 0)
        work_through(tracked_offsets, FIRST, 1, 2)
        assert (tracked_offsets.num_delivered, tracked_offsets.num_finished) == (3, 2)
        tracked_offsets.open([FIRST], 2)
        work_through(tracked_offsets, FIRST, 0)
        assert (tracked_offsets.num_delivered, tracked_offsets.num_finished) == (4, 3)

    def test_a_commit_is_due_until_it_is_made(self) -> None:
        """What is committed is not uncommitted, and an offset is due again once it moves."""
        tracked_offsets = opened(FIRST, SECOND)
        work_through(tracked_offsets, FIRST, 0, 1)
        work_through(tracked_offsets, SECOND, 0)
        assert tracked_offsets.uncommitted() == {FIRST: 2, SECOND: 1}
        tracked_offsets.note_committed({FIRST: 2, ("t", 9): 5})
        assert tracked_offsets.uncommitted() == {SECOND: 1}
        work_through(tracked_offsets, FIRST, 2)
        assert tracked_offsets.uncommitted() == {FIRST: 3, SECOND: 1}

    def test_a_late_answer_to_an_earlier_commit_takes_nothing_back(self) -> None:
        """The highest offset that was committed counts, whatever the order of the answers."""
        tracked_offsets = opened()
        work_through(tracked_offsets, FIRST, 0, 1)
        tracked_offsets.note_committed({FIRST: 2})
        tracked_offsets.note_committed({FIRST: 1})
        assert tracked_offsets.uncommitted() == {}

    def test_a_commit_of_less_than_is_finished_leaves_the_rest_due(self) -> None:
        """Work went on while the commit was on its way."""
        tracked_offsets = opened()
        work_through(tracked_offsets, FIRST, 0, 1)
        tracked_offsets.note_committed({FIRST: 1})
        assert tracked_offsets.uncommitted() == {FIRST: 2}

    def test_what_the_group_committed_is_not_committed_again(self) -> None:
        """Offsets up to those that the assignment came with; a higher one is."""
        tracked_offsets = opened(committed={FIRST: 6})
        work_through(tracked_offsets, FIRST, 5)
        assert tracked_offsets.uncommitted() == {}
        work_through(tracked_offsets, FIRST, 6)
        assert tracked_offsets.uncommitted() == {FIRST: 7}

    def test_a_first_record_at_the_start_of_the_log_is_committed(self) -> None:
        """Offset 0, finished, makes 1; read over, without a record, makes what was read."""
        tracked_offsets = opened(FIRST, SECOND)
        work_through(tracked_offsets, FIRST, 0)
        tracked_offsets.read_to(SECOND, 0)
        assert tracked_offsets.uncommitted() == {FIRST: 1, SECOND: 0}

    def test_what_holds_no_record_is_read_over(self) -> None:
        """Once all before it is finished; a partition of another member is none of ours."""
        tracked_offsets = opened()
        tracked_offsets.deliver(FIRST, 3)
        tracked_offsets.read_to(FIRST, 9)
        tracked_offsets.read_to(SECOND, 9)
        assert tracked_offsets.uncommitted() == {}
        tracked_offsets.finish(FIRST, 3, agent="agent", generation=1)
        assert tracked_offsets.uncommitted() == {FIRST: 9}

    def test_a_generation_begins_with_nothing(self) -> None:
        """Nothing is due or handed out, of partitions that stay and of those that leave."""
        tracked_offsets = opened(FIRST, SECOND, committed={SECOND: 2})
        work_through(tracked_offsets, FIRST, 0)
        work_through(tracked_offsets, SECOND, 4)
        tracked_offsets.open([SECOND], 2)
        assert (tracked_offsets.generation, tracked_offsets.uncommitted()) == (2, {})
        assert [tracked_offsets.handed_out(partition) for partition in (FIRST, SECOND)] == [None, None]
        work_through(tracked_offsets, SECOND, 0)
        assert tracked_offsets.uncommitted() == {SECOND: 1}

    def test_of_a_log_that_went_back_lower_offsets_are_committed(self) -> None:
        """The former log's commits and unfinished work say nothing of the new one, nor of other partitions."""
        tracked_offsets = opened(FIRST, SECOND, committed={FIRST: 40})
        work_through(tracked_offsets, FIRST, 40)
        work_through(tracked_offsets, SECOND, 7)
        tracked_offsets.deliver(FIRST, 41)
        tracked_offsets.reopen(FIRST)
        assert tracked_offsets.uncommitted() == {SECOND: 8}
        work_through(tracked_offsets, FIRST, 0)
        assert tracked_offsets.uncommitted() == {FIRST: 1, SECOND: 8}

    def test_a_log_of_another_member_is_not_opened_again(self) -> None:
        """Its records stay none of ours."""
        tracked_offsets = opened()
        tracked_offsets.reopen(SECOND)
        work_through(tracked_offsets, SECOND, 0)
        assert tracked_offsets.uncommitted() == {}

    def test_ignores_an_earlier_generation(self) -> None:
        """Work that ends after a rebalance says nothing about the redelivery of its record."""
        tracked_offsets = CommittableOffsets()
        tracked_offsets.open([("topic", 0)], 1)
        tracked_offsets.deliver(("topic", 0), 5)
        tracked_offsets.open([("topic", 0)], 2)
        tracked_offsets.deliver(("topic", 0), 5)
        tracked_offsets.finish(("topic", 0), 5, agent="agent", generation=1)
        assert tracked_offsets.uncommitted() == {}
        tracked_offsets.finish(("topic", 0), 5, agent="agent", generation=2)
        assert tracked_offsets.uncommitted() == {("topic", 0): 6}

    def test_ignores_partitions_that_left(self) -> None:
        """What is delivered or finished for a partition of another member changes nothing."""
        tracked_offsets = CommittableOffsets()
        tracked_offsets.open([("topic", 0)], 1)
        tracked_offsets.deliver(("topic", 1), 0)
        tracked_offsets.finish(("topic", 1), 0, agent="agent", generation=1)
        assert tracked_offsets.uncommitted() == {}

    def test_a_log_that_went_back_was_not_handed_out(self) -> None:
        """What was handed out of the former log says nothing of the new one, in which lower offsets wait."""
        tracked_offsets = CommittableOffsets()
        tracked_offsets.open([("t", 0), ("t", 1)], 1)
        tracked_offsets.deliver(("t", 0), 41)
        tracked_offsets.deliver(("t", 1), 7)
        tracked_offsets.reopen(("t", 0))
        assert [tracked_offsets.handed_out(("t", number)) for number in (0, 1)] == [None, 8]
