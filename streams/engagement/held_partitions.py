"""Partitions that wait at an event which may not become a dead letter now; the others are counted meanwhile.

See `streams.delivery.held_events` for the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from streams.delivery.held_events import BETWEEN_TRIES


@dataclass(slots=True)
class HeldPartition:
    """A partition and the offset of its held event."""

    offset: int
    until_seconds: float = 0.0
    is_paused: bool = True
    delays: Iterator[float] = field(default_factory=BETWEEN_TRIES.delays)


class HeldPartitions:
    """The held partitions of one consumer; times are of a monotonic clock."""

    def __init__(self) -> None:
        self._held: dict[int, HeldPartition] = {}

    def hold(self, partition: int, offset: int, now_seconds: float) -> None:
        """Hold a partition, longer each time for the same event."""
        held = self._held.get(partition)
        if held is None or held.offset != offset:
            held = self._held[partition] = HeldPartition(offset)
        held.until_seconds, held.is_paused = now_seconds + next(held.delays), True

    def due(self, now_seconds: float) -> list[int]:
        """Return the partitions whose wait is over, each once; they are no longer paused."""
        due = [number for number, held in self._held.items() if held.is_paused and held.until_seconds <= now_seconds]
        for partition in due:
            self._held[partition].is_paused = False
        return due

    def is_paused(self, partition: int) -> bool:
        """Return whether the partition is paused."""
        held = self._held.get(partition)
        return held is not None and held.is_paused

    def offset(self, partition: int) -> int | None:
        """Return the offset of the held event, also while it is tried again; None without one."""
        held = self._held.get(partition)
        return None if held is None else held.offset

    def let_go(self, partition: int) -> int | None:
        """Release a partition, whose event is answered or assigned elsewhere; return its offset or None."""
        held = self._held.pop(partition, None)
        return None if held is None else held.offset

    def clear(self) -> None:
        """Release all: no partition is assigned any more."""
        self._held.clear()
