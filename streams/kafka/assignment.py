"""Which worker gets which partitions: a function of the workers' ids and the partitions' numbers, and of nothing else.

So groups that know nothing of each other agree as soon as they have the same members, and a worker has the same
partitions in all of them. Each partition ranks the workers by a hash of both (rendezvous hashing). No worker takes more
than its quota; where more partitions rank it first, it keeps those whose hash is highest, and the others ask their next
(deferred acceptance). A worker that leaves or joins moves its own share, and a few partitions more to keep loads equal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from heapq import heappush, heappushpop
from typing import Final

Shares = dict[str, tuple[int, ...]]
"""Sorted partition numbers by worker id."""
_REMEMBERED: Final = 32
"""The groups of a worker ask the same question one after the other."""


def share_out(worker_ids: Collection[str], partitions: Collection[int]) -> Shares:
    """Give every partition to one worker; no worker has two more than another.

    Args:
        worker_ids: without duplicates, in any order.
        partitions: without duplicates, in any order.
    """
    return dict(_share_out(tuple(sorted(worker_ids)), tuple(sorted(partitions))))


@lru_cache(maxsize=_REMEMBERED)
def _share_out(worker_ids: tuple[str, ...], partitions: tuple[int, ...]) -> Shares:
    matching = _Matching(worker_ids, len(partitions))
    if worker_ids:
        for partition in partitions:
            matching.place(partition)
    return matching.shares()


class _Matching:
    """Partitions and workers, matched as far as partitions were placed."""

    def __init__(self, worker_ids: Sequence[str], num_partitions: int) -> None:
        self._worker_ids = worker_ids
        self._quotas = _quotas(worker_ids, num_partitions)
        self._held: dict[str, list[tuple[int, int]]] = {worker_id: [] for worker_id in worker_ids}
        """Heaps of (rank, partition): the one that would be given up first comes first."""
        self._wishes: dict[int, Iterator[tuple[int, str]]] = {}
        """Rank and worker, of those that a partition has not asked yet, the highest rank first."""

    def place(self, partition: int) -> None:
        """Find a worker for a partition, and for each that is given up for another."""
        homeless: int | None = partition
        while homeless is not None:
            homeless = self._ask_next(homeless)

    def shares(self) -> Shares:
        """What everybody holds."""
        return {worker_id: tuple(sorted(number for _, number in held)) for worker_id, held in self._held.items()}

    def _ask_next(self, partition: int) -> int | None:
        """Ask the partition's next worker; return the partition that has none afterwards."""
        if partition not in self._wishes:
            ranked = ((_rank(worker_id, partition), worker_id) for worker_id in self._worker_ids)
            self._wishes[partition] = iter(sorted(ranked, reverse=True))
        rank, worker_id = next(self._wishes[partition])
        held, entry = self._held[worker_id], (rank, partition)
        if len(held) < self._quotas[worker_id]:
            heappush(held, entry)
            return None
        return heappushpop(held, entry)[1] if held else partition


def _quotas(worker_ids: Sequence[str], num_partitions: int) -> dict[str, int]:
    """As equal as possible; a hash decides who gets one more."""
    if not worker_ids:
        return {}
    share, num_larger = divmod(num_partitions, len(worker_ids))
    by_rank = sorted(worker_ids, key=lambda worker_id: _rank(worker_id, -1))
    return {worker_id: share + (place < num_larger) for place, worker_id in enumerate(by_rank)}


def _rank(worker_id: str, partition: int) -> int:
    return int.from_bytes(blake2b(f"{worker_id}/{partition}".encode(), digest_size=8).digest())
