"""Partitions that wait at an event which may not be given up now; the others are counted meanwhile.

See `streams.delivery.held_events` for the limit that such an event waits at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from streams.delivery.held_events import BETWEEN_TRIES


@dataclass(slots=True)
class HeldPartition:
    """One partition, and the event that it waits at."""

    offset: int
    until_seconds: float = 0.0
    is_paused: bool = True
    delays: Iterator[float] = field(default_factory=BETWEEN_TRIES.delays)


class HeldPartitions:
    """Of one consumer; times are those of a monotonic clock."""

    def __init__(self) -> None:
        self._held: dict[int, HeldPartition] = {}

    def hold(self, partition: int, offset: int, now_seconds: float) -> None:
        """Wait with a partition, longer each time that it is for the same event."""
        held = self._held.get(partition)
        if held is None or held.offset != offset:
            held = self._held[partition] = HeldPartition(offset)
        held.until_seconds, held.is_paused = now_seconds + next(held.delays), True

    def due(self, now_seconds: float) -> list[int]:
        """Partitions that have waited long enough, each named once; they are read again from here on."""
        due = [number for number, held in self._held.items() if held.is_paused and held.until_seconds <= now_seconds]
        for partition in due:
            self._held[partition].is_paused = False
        return due

    def is_paused(self, partition: int) -> bool:
        """Whether nothing of it is read now."""
        held = self._held.get(partition)
        return held is not None and held.is_paused

    def offset(self, partition: int) -> int | None:
        """Of the event that a partition waits at, or is tried again with; None where it is held by none."""
        held = self._held.get(partition)
        return None if held is None else held.offset

    def let_go(self, partition: int) -> int | None:
        """The event is answered, or somebody else's; return its offset, None where there was none."""
        held = self._held.pop(partition, None)
        return None if held is None else held.offset

    def clear(self) -> None:
        """None is ours any more."""
        self._held.clear()
