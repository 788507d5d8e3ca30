"""The small form of the endurance run of `bench inference`."""

from __future__ import annotations

from ops.bench.inference.endurance import CANCELLED_RATIO, POISON_RATIO, endure

NUM_ITEMS = 4000


class TestEndure:
    async def test_everybody_gets_one_answer(self) -> None:
        """Next to poison and callers that leave, no item is lost, answered for another, or refused for another."""
        found = await endure(NUM_ITEMS)
        assert (found.lost, found.outcomes["wrong"]) == (0, 0)
        assert 0 < found.outcomes["refused"] < 2 * POISON_RATIO * NUM_ITEMS
        assert 0 < found.outcomes["cancelled"] < 2 * CANCELLED_RATIO * NUM_ITEMS
        assert sum(found.outcomes.values()) == NUM_ITEMS

    async def test_memory_stays(self) -> None:
        """What was asked for is given back: three quarters of the items add next to nothing."""
        found = await endure(NUM_ITEMS, seed=2)
        assert found.growth_ratio < 0.05
