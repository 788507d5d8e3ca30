"""Which worker gets which partitions, as a property of the workers' ids and the partitions' numbers."""

from __future__ import annotations

import random
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.assignment import Shares, share_out

WORKERS = st.sets(st.text(min_size=1, max_size=12), min_size=1, max_size=12)
NUM_PARTITIONS = st.integers(0, 64)


def owners(shares: Shares) -> dict[int, str]:
    return {partition: worker_id for worker_id, share in shares.items() for partition in share}


def moved(before: Shares, after: Shares) -> set[int]:
    """Partitions that have another owner."""
    owner_before, owner_after = owners(before), owners(after)
    return {partition for partition in owner_before if owner_before[partition] != owner_after[partition]}


class TestShareOut:
    @given(WORKERS, NUM_PARTITIONS)
    def test_every_partition_has_one_owner_and_loads_are_equal_within_one(
        self, workers: set[str], num_partitions: int
    ) -> None:
        """Nothing is left out, nothing is given twice, and nobody has two more than another."""
        shares = share_out(workers, range(num_partitions))
        given_out = sorted(partition for share in shares.values() for partition in share)
        loads = [len(share) for share in shares.values()]
        assert given_out == list(range(num_partitions))
        assert set(shares) == workers
        assert max(loads) - min(loads) <= 1

    @given(WORKERS, NUM_PARTITIONS, st.randoms(use_true_random=False))
    def test_order_means_nothing(self, workers: set[str], num_partitions: int, chance: random.Random) -> None:
        """Anyone who leads a group, and in whatever order its members came, decides the same."""
        shuffled, partitions = list(workers), list(range(num_partitions))
        chance.shuffle(shuffled)
        chance.shuffle(partitions)
        assert share_out(shuffled, partitions) == share_out(sorted(workers), range(num_partitions))

    @given(WORKERS, NUM_PARTITIONS)
    def test_a_restarted_fleet_is_assigned_as_before(self, workers: set[str], num_partitions: int) -> None:
        """History means nothing: what happened in between is not seen in the assignment."""
        before = share_out(workers, range(num_partitions))
        share_out({*workers, "another"}, range(num_partitions))
        assert share_out(workers, range(num_partitions)) == before

    @given(st.sets(st.text(min_size=1, max_size=12), min_size=2, max_size=2), NUM_PARTITIONS)
    def test_of_two_workers_the_survivor_keeps_all_it_has(self, workers: set[str], num_partitions: int) -> None:
        """Where one of two dies, nothing moves but its own partitions."""
        dead, survivor = sorted(workers)
        before = share_out(workers, range(num_partitions))
        assert moved(before, share_out([survivor], range(num_partitions))) == set(before[dead])

    def test_a_death_or_a_start_moves_little_more_than_its_own_share(self) -> None:
        """On average at most half as much again where a worker has eight partitions or more."""
        chance = random.Random(20_261_201)
        ratios = []
        for _ in range(40):
            workers = [f"{chance.getrandbits(64):016x}" for _ in range(8)]
            all_of_them = share_out(workers, range(64))
            without_last = share_out(workers[:-1], range(64))
            own_share = set(all_of_them[workers[-1]])
            assert moved(all_of_them, without_last) >= own_share
            ratios.append(len(moved(all_of_them, without_last)) / len(own_share))
        assert mean(ratios) <= 1.5

    def test_more_workers_than_partitions_leave_some_without(self) -> None:
        """Each partition has an owner, and nobody has two."""
        shares = share_out([f"worker-{number}" for number in range(5)], range(3))
        assert sorted(len(share) for share in shares.values()) == [0, 0, 1, 1, 1]

    def test_without_workers_nobody_gets_anything(self) -> None:
        """There is nobody to give it to."""
        assert share_out([], range(3)) == {}
