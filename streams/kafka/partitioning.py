"""The partition of a key by murmur2, as clients in Java, Faust and our own producers compute it."""

from __future__ import annotations

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, num_partitions: int) -> int:
    """Return the number of the partition."""
    return int(murmur2(key) & 0x7FFFFFFF) % num_partitions
