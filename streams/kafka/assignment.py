"""Assigns partitions to workers, as a function of the worker ids and partition numbers only.

So independent groups agree as soon as they have the same members, and a worker has the same partitions in all of them.
Each partition ranks the workers by a hash of both (rendezvous hashing). No worker takes more than its quota: of the
partitions that rank it first, it keeps those with the highest hash, and the others ask their next worker (deferred
acceptance). A worker that leaves or joins moves its own share, and a few more partitions to keep loads equal.
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
"""Size of the cache; all groups of a worker compute the same assignment one after the other."""


def share_out(worker_ids: Collection[str], partitions: Collection[int]) -> Shares:
    """Assign every partition to one worker; the numbers of partitions of two workers differ by at most one.

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
    """Partitions and workers, matched so far."""

    def __init__(self, worker_ids: Sequence[str], num_partitions: int) -> None:
        self._worker_ids = worker_ids
        self._quotas = _quotas(worker_ids, num_partitions)
        self._held: dict[str, list[tuple[int, int]]] = {worker_id: [] for worker_id in worker_ids}
        """Heaps of (rank, partition), with the partition that would be released first at the top."""
        self._wishes: dict[int, Iterator[tuple[int, str]]] = {}
        """Rank and worker for each worker that a partition has not asked yet, the highest rank first."""

    def place(self, partition: int) -> None:
        """Find a worker for a partition, and for each partition that is released for it."""
        homeless: int | None = partition
        while homeless is not None:
            homeless = self._ask_next(homeless)

    def shares(self) -> Shares:
        """Return the partitions of each worker."""
        return {worker_id: tuple(sorted(number for _, number in held)) for worker_id, held in self._held.items()}

    def _ask_next(self, partition: int) -> int | None:
        """Ask the partition's next worker; return the partition that has no worker afterwards, or None."""
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
    """Return quotas that are as equal as possible; a hash decides which workers get one more."""
    if not worker_ids:
        return {}
    share, num_larger = divmod(num_partitions, len(worker_ids))
    by_rank = sorted(worker_ids, key=lambda worker_id: _rank(worker_id, -1))
    return {worker_id: share + (place < num_larger) for place, worker_id in enumerate(by_rank)}


def _rank(worker_id: str, partition: int) -> int:
    return int.from_bytes(blake2b(f"{worker_id}/{partition}".encode(), digest_size=8).digest())
