"""The window of one partition."""

from __future__ import annotations

import pytest

from streams.delivery.committable_offsets import CommittableOffsets
from streams.delivery.offset_tracker import OffsetTracker


class TestOffsetWindow:
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


class TestOffsetLedger:
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
