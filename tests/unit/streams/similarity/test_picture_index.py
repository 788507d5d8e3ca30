"""Which hashes of a video are indexed."""

from __future__ import annotations

import numpy as np

from streams.similarity.picture_index import ENTRIES, MAX_ENTRIES, QUERIES, entries_of, queries_of
from streams.similarity.video_hashes import HashedPicture

RANDOM = np.random.default_rng(3)
VALUES = [int.from_bytes(RANDOM.bytes(32), "big") for _ in range(40)]


def pictures(values: list[int], quality: int = 90) -> tuple[HashedPicture, ...]:
    return tuple(HashedPicture(float(at), (value,), (quality,)) for at, value in enumerate(values))


class TestEntries:
    def test_bounded_whatever_the_length(self) -> None:
        """A few of each view, spread over the video, under numbers of their own."""
        found = entries_of({view: pictures(VALUES) for view in ENTRIES})

        assert set(found) == set(range(MAX_ENTRIES))
        assert (found[0], found[ENTRIES["whole"] - 1]) == (VALUES[0], VALUES[-1])

    def test_picture_that_stands(self) -> None:
        """Once, and again only when it has changed."""
        still = [VALUES[0], VALUES[0] ^ 7, VALUES[0] ^ 3, VALUES[1]]

        assert entries_of({"whole": pictures(still)}) == {0: VALUES[0], 1: VALUES[1]}

    def test_what_shows_nothing(self) -> None:
        """Pictures of low quality are in no index: black would be a picture of every video."""
        assert entries_of({"whole": pictures(VALUES, quality=49)}) == {}

    def test_other_parts(self) -> None:
        """Are compared, and not indexed."""
        assert entries_of({"centre-90": pictures(VALUES), "between": pictures(VALUES)}) == {}

    def test_more_is_asked_than_stored(self) -> None:
        """Of columns: a crop has few of its original's, and the index a part of those."""
        columns = {"column": pictures(VALUES)}

        assert len(queries_of(columns)) == 2 * QUERIES["column"] > 2 * len(entries_of(columns))
        assert set(entries_of({"whole": pictures(VALUES)}).values()) < queries_of({"whole": pictures(VALUES)})

    def test_numbers_belong_to_views(self) -> None:
        """An inner picture is never written over a whole one."""
        assert set(entries_of({"inner": pictures(VALUES[:1])})) == {ENTRIES["whole"]}
