"""Batch sizes grow beyond a card's as long as the device gains, and no further."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from operators.inference.cuda.size_search import MAX_SIZE, candidates, search_sizes

CARD_SIZES = (1, 4, 16)


def searched(seconds_of: Callable[[int], float | None]) -> tuple[list[int], list[int]]:
    """Return the sizes that were tried, and those that are kept."""
    tried: list[int] = []

    def measured(size: int) -> float | None:
        tried.append(size)
        return seconds_of(size)

    kept = search_sizes(CARD_SIZES, candidates(CARD_SIZES, item_bytes=1), measured)
    return tried, list(kept)


class TestCandidates:
    def test_card_sizes_then_doublings(self) -> None:
        """Up to the largest size of any device."""
        assert candidates(CARD_SIZES, item_bytes=1) == (1, 4, 16, 32, 64, 128, 256, MAX_SIZE)

    def test_large_items_end_sooner(self) -> None:
        """A batch of pictures fits the pinned memory of a slot."""
        assert candidates(CARD_SIZES, item_bytes=224 * 224 * 3)[-1] == 256

    def test_the_card_decides_what_it_names(self) -> None:
        """Its own sizes are tried, however large an item is."""
        assert candidates((1, 2), item_bytes=2**30) == (1, 2)


class TestSearch:
    def test_a_wide_device(self) -> None:
        """A batch takes as long as an item: the largest size."""
        assert searched(lambda size: 0.001)[1][-1] == MAX_SIZE

    def test_a_narrow_device(self) -> None:
        """A batch takes as long as its items: no more than the card says, and the search ends early."""
        tried, kept = searched(lambda size: 0.001 * size)
        assert kept == [1, 4, 16]
        assert tried[-1] <= 32

    def test_a_knee(self) -> None:
        """Up to 64 rows cost the same: larger batches let items wait, and gain nothing."""
        tried, kept = searched(lambda size: 0.001 * max(64, size) / 64)
        assert kept == [1, 4, 16, 32, 64]
        assert tried[-1] == 256

    @pytest.mark.parametrize("limit", [20, 100])
    def test_beyond_memory(self, limit: int) -> None:
        """What does not run is left out, and nothing larger is tried."""
        tried, kept = searched(lambda size: 0.001 if size <= limit else None)
        assert max(kept) <= limit < tried[-1] < 4 * limit

    def test_one_size_of_the_card_does_not_run(self) -> None:
        """The others of the card are tried all the same."""
        assert searched(lambda size: None if size == 4 else 0.001 * size)[1] == [1, 16]

    def test_slow_batches_are_the_cards_alone(self) -> None:
        """A live item would wait too long for a larger one."""
        assert searched(lambda size: 0.2)[1] == [1, 4, 16]

    def test_nothing_runs(self) -> None:
        """Then nothing is kept."""
        assert searched(lambda size: None)[1] == []
