"""Which uploads of a creator are live: the first of each minute of the broker's time, in any order of reading."""

from __future__ import annotations

import random

import pytest

from streams.backfill import creator_shares
from streams.backfill.creator_shares import CreatorShares
from streams.record import Place, Record

NOON = 1_700_000_040.0
"""The start of a minute."""


def record(offset: int, seconds: float = 0.0, partition: int = 0) -> Record:
    return Record(Place("video.uploaded", partition, offset), b"v", b"{}", (), NOON + seconds, generation=1)


def admitted(shares: CreatorShares, records: list[Record], creator: str = "ann") -> list[Record]:
    return [each for each in records if shares.admits(creator, each)]


class TestCreatorShares:
    def test_the_first_of_a_minute(self) -> None:
        """The others of that minute are beyond the share, and the next minute has its own."""
        shares = CreatorShares(3)
        minute = [record(number, number) for number in range(10)]
        assert admitted(shares, minute) == minute[:3]
        later = [record(100 + number, 60.0 + number) for number in range(10)]
        assert admitted(shares, later) == later[:3]

    def test_creators_do_not_share(self) -> None:
        """One creator's flood takes nothing from another."""
        shares = CreatorShares(3)
        admitted(shares, [record(number) for number in range(1_000)])
        others = [record(2_000 + number) for number in range(3)]
        assert admitted(shares, others, "bob") == others

    def test_a_redelivered_record_keeps_its_place(self) -> None:
        """A rebalance or a wait for media takes no second place, and nobody else's."""
        shares = CreatorShares(2)
        first, second, third = (record(number) for number in range(3))
        assert admitted(shares, [first, first, first, second]) == [first, first, first, second]
        assert admitted(shares, [third, first, second, third]) == [first, second]

    def test_positions_in_other_partitions_are_other_records(self) -> None:
        """Offsets are counted in each partition."""
        shares = CreatorShares(2)
        assert len(admitted(shares, [record(7, partition=number) for number in range(5)])) == 2

    @pytest.mark.parametrize("seed", range(3))
    def test_the_order_of_reading_does_not_matter(self, seed: int) -> None:
        """A backlog is read partition by partition: uploads that were spread over an hour are no flood then."""
        spread = [record(number, 20.0 * number, number % 4) for number in range(180)]
        random.Random(seed).shuffle(spread)
        assert admitted(CreatorShares(3), spread) == spread

    def test_memory_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of many creators the least recently seen are forgotten; one that keeps uploading is not."""
        monkeypatch.setattr(creator_shares, "_MAX_REMEMBERED", 50)
        shares = CreatorShares(1)
        assert shares.admits("flood", record(0))
        for number in range(500):
            assert shares.admits(f"creator-{number}", record(1_000 + number))
            assert not shares.admits("flood", record(1 + number))
        assert len(shares._taken) <= 51
