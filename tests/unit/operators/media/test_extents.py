"""What a walk notes down costs no more than a bounded number of reads, and nothing of it is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from operators.media.ledgers.ledger import (
    ALIGNMENT_BYTES,
    MAX_EXTENTS,
    Extents,
    gaps,
    merged,
)

_EXTENT = st.tuples(st.integers(0, 300), st.integers(1, 40)).map(lambda found: (found[0], sum(found)))


def _apart(num: int, num_bytes: int) -> list[tuple[int, int]]:
    """Extents so far from one another that none are joined."""
    return [(place, place + num_bytes) for place in range(0, num * (num_bytes + 100), num_bytes + 100)]


def test_what_is_beyond_the_limit_is_counted() -> None:
    """In full: nobody looks whether it is padding."""
    extents = Extents(_apart(MAX_EXTENTS + 7, 1_000))
    assert (len(extents), extents.num_bytes_beyond, extents.num_alignment_bytes) == (MAX_EXTENTS, 7_000, 0)


def test_padding_between_samples_is_told_apart_beyond_the_limit() -> None:
    """A long recording has more of it than are listed."""
    extents = Extents(_apart(MAX_EXTENTS + 7, ALIGNMENT_BYTES))
    assert (extents.num_bytes_beyond, extents.num_alignment_bytes) == (0, 7 * ALIGNMENT_BYTES)


def test_small_neighbours_are_one() -> None:
    """With their headers: 400,000 comments of one byte are one read."""
    extents = Extents()
    for number in range(400_000):
        extents.append((5 * number + 4, 5 * number + 5), header_bytes=4)
    assert list(extents) == [(4, 2_000_000)]


def test_large_neighbours_stay_apart() -> None:
    """Else the header between two stretches of padding made content of them."""
    extents = Extents([(8, 1_008)])
    extents.append((1_016, 2_016), header_bytes=8)
    assert list(extents) == [(8, 1_008), (1_016, 2_016)]


@given(st.lists(_EXTENT, max_size=30), _EXTENT)
def test_gaps_are_what_nothing_covers(covered: list[tuple[int, int]], extent: tuple[int, int]) -> None:
    """Byte by byte."""
    taken = {place for start, stop in covered for place in range(start, stop)}
    found = [place for start, stop in gaps(extent, merged(covered)) for place in range(start, stop)]
    assert found == [place for place in range(*extent) if place not in taken]


def test_many_gaps_read_each_cover_a_few_times() -> None:
    """Work that grows with the square of a crafted file's table ends no decode."""

    class Counted(list[tuple[int, int]]):
        num_read = 0

        def __getitem__(self, place):  # type: ignore[no-untyped-def,override]
            self.num_read += 1
            return super().__getitem__(place)

        def __iter__(self):  # type: ignore[no-untyped-def,override]
            for place in range(len(self)):
                yield self[place]

    covered = Counted(_apart(2_000, 10))
    for start, stop in list(covered):
        gaps((start - 8, stop), covered)
    assert covered.num_read < 40 * len(covered)
