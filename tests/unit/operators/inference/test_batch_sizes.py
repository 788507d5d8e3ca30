"""Shapes: few, filled, and only those that pay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.inference.batch_sizes import (
    MAX_PADDING_RATIO,
    brief_sizes,
    check_batch_sizes,
    choose_batch_size,
    fitting_size,
    worthwhile_sizes,
)

size_sets = st.sets(st.integers(1, 64), min_size=1).map(lambda sizes: tuple(sorted(sizes)))


class TestChooseBatchSize:
    @pytest.mark.parametrize(
        ("waiting", "expected"), [(1, 1), (2, 1), (3, 4), (4, 4), (5, 4), (6, 8), (11, 8), (12, 16), (400, 16)]
    )
    def test_fills_or_pads_a_little(self, waiting: int, expected: int) -> None:
        """The largest filled size is taken, or the next larger one if at most a quarter of it is padding."""
        assert expected == choose_batch_size(waiting, (1, 4, 8, 16))

    def test_pads_rather_than_waits(self) -> None:
        """Fewer items than the smallest size run at once, padded."""
        assert choose_batch_size(1, (8, 16)) == 8

    def test_refuses_an_empty_batch(self) -> None:
        """No batch is made of nothing."""
        with pytest.raises(ValueError, match="at least one"):
            choose_batch_size(0, (1,))

    @given(waiting=st.integers(1, 500), sizes=size_sets)
    def test_is_an_allowed_size_with_bounded_waste(self, waiting: int, sizes: tuple[int, ...]) -> None:
        """Only sizes of the set occur, and padding stays bounded wherever a smaller size could be filled."""
        size = choose_batch_size(waiting, sizes)
        assert size in sizes
        if waiting >= sizes[0]:
            assert max(0, size - waiting) <= MAX_PADDING_RATIO * size


class TestFittingSize:
    def test_takes_the_smallest_that_holds(self) -> None:
        """A half of a failed batch runs in the smallest shape that holds it."""
        assert [fitting_size(count, (1, 4, 16)) for count in (1, 2, 4, 5)] == [1, 4, 4, 16]

    def test_refuses_what_fits_nowhere(self) -> None:
        """More items than the largest size are refused, naming the sizes."""
        with pytest.raises(ValueError, match=r"17 items fit none of the batch sizes \(1, 16\)"):
            fitting_size(17, (1, 16))


class TestBriefSizes:
    def test_leaves_out_what_takes_long(self) -> None:
        """A batch that nobody waits for must not keep the device when somebody comes."""
        assert brief_sizes({1: 0.02, 8: 0.09, 16: 0.2}, (1, 8, 16)) == (1, 8)

    @pytest.mark.parametrize(("sizes", "expected"), [((1, 4, 8), (1, 4)), ((8, 16), (8,))])
    def test_there_is_always_one(self, sizes: tuple[int, ...], expected: tuple[int, ...]) -> None:
        """On a slow device the small ones remain."""
        assert brief_sizes(dict.fromkeys(sizes, 5.0), sizes) == expected


class TestWorthwhileSizes:
    def test_keeps_all_where_larger_is_cheaper(self) -> None:
        """An accelerator keeps its large batches."""
        assert worthwhile_sizes({1: 1.0, 8: 2.0, 16: 3.0}) == (1, 8, 16)

    def test_drops_large_sizes_that_cost_more(self) -> None:
        """Sizes above the cheapest go where an item costs clearly more; smaller ones stay for light load."""
        assert worthwhile_sizes({1: 12.0, 4: 38.0, 8: 111.0, 16: 205.0}) == (1, 4)

    def test_never_leaves_single_items_alone(self) -> None:
        """Small batches stay even where one item at a time is cheapest."""
        assert worthwhile_sizes({1: 1.0, 2: 4.0, 4: 8.0, 8: 16.0}) == (1, 2, 4)

    def test_tolerates_small_differences(self) -> None:
        """A size within the tolerance of the cheapest stays."""
        assert worthwhile_sizes({1: 20.0, 4: 62.0, 16: 300.0}) == (1, 4, 16)


class TestCheckBatchSizes:
    @pytest.mark.parametrize("sizes", [(), (0, 1), (4, 1), (1, 1)])
    def test_refuses_nonsense(self, sizes: tuple[int, ...]) -> None:
        """Sizes are ascending, distinct and positive."""
        with pytest.raises(ValueError, match="ascending"):
            check_batch_sizes(sizes)


@pytest.mark.parametrize(("seconds", "sizes"), [(16 * 0.0125, (1, 4, 8, 16)), (16 * 0.0126, (1, 4, 8))])
def test_a_size_is_dropped_where_its_items_cost_too_much(seconds: float, sizes: tuple[int, ...]) -> None:
    """More than a quarter above the cheapest; in whatever order warm-up gives them."""
    assert worthwhile_sizes({16: seconds, 8: 8 * 0.01, 1: 0.02, 4: 4 * 0.02}) == sizes


@pytest.mark.parametrize(("seconds", "sizes"), [(0.1, (1, 8)), (0.101, (1,))])
def test_a_brief_batch_takes_a_tenth_of_a_second_at_most(seconds: float, sizes: tuple[int, ...]) -> None:
    """And just as much."""
    assert brief_sizes({1: 0.02, 8: seconds}, (1, 8)) == sizes
