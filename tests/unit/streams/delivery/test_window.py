"""The window of one partition."""

from __future__ import annotations

import pytest

from streams.delivery.ledger import OffsetLedger
from streams.delivery.window import OffsetWindow


class TestOffsetWindow:
    def test_nothing_before_anything_is_finished(self) -> None:
        """A fresh group commits nothing while its first record runs, whatever is finished behind it."""
        window = OffsetWindow()
        window.deliver(0)
        window.deliver(1)
        window.finish(1)
        assert window.committable is None

    def test_advances_over_a_hole_in_the_log(self) -> None:
        """Offsets that never were delivered hold nothing up."""
        window = OffsetWindow()
        window.deliver(10)
        window.deliver(15)
        window.finish(10)
        assert window.committable == 11
        window.finish(15)
        assert window.committable == 16

    def test_waits_for_every_agent(self) -> None:
        """A record is done when each of its agents is; one agent counts once."""
        window = OffsetWindow(num_finishers=2)
        window.deliver(0)
        window.finish(0, "frames")
        window.finish(0, "frames")
        assert window.committable is None
        window.finish(0, "audio")
        assert window.committable == 1

    def test_ignores_unknown_offsets(self) -> None:
        """Finishing what was not delivered changes nothing, now or when it is delivered later."""
        window = OffsetWindow()
        window.finish(0)
        window.deliver(0)
        assert window.committable is None
        window.deliver(1)
        window.finish(1)
        assert window.committable is None

    def test_refuses_no_agents(self) -> None:
        """A window that nobody finishes would commit unread records."""
        with pytest.raises(ValueError, match="at least one agent"):
            OffsetWindow(0)


class TestOffsetLedger:
    def test_ignores_an_earlier_generation(self) -> None:
        """Work that ends after a rebalance says nothing about the redelivery of its record."""
        ledger = OffsetLedger()
        ledger.open([("topic", 0)], 1)
        ledger.deliver(("topic", 0), 5)
        ledger.open([("topic", 0)], 2)
        ledger.deliver(("topic", 0), 5)
        ledger.finish(("topic", 0), 5, agent="agent", generation=1)
        assert ledger.uncommitted() == {}
        ledger.finish(("topic", 0), 5, agent="agent", generation=2)
        assert ledger.uncommitted() == {("topic", 0): 6}

    def test_ignores_partitions_that_left(self) -> None:
        """What is delivered or finished for a partition of another member changes nothing."""
        ledger = OffsetLedger()
        ledger.open([("topic", 0)], 1)
        ledger.deliver(("topic", 1), 0)
        ledger.finish(("topic", 1), 0, agent="agent", generation=1)
        assert ledger.uncommitted() == {}

    def test_a_log_that_went_back_was_not_handed_out(self) -> None:
        """What was handed out of the former log says nothing of the new one, in which lower offsets wait."""
        ledger = OffsetLedger()
        ledger.open([("t", 0), ("t", 1)], 1)
        ledger.deliver(("t", 0), 41)
        ledger.deliver(("t", 1), 7)
        ledger.reopen(("t", 0))
        assert [ledger.handed_out(("t", number)) for number in (0, 1)] == [None, 8]
