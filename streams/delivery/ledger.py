"""The offsets of one Faust app: written by its consumer and its agents, read when offsets are committed."""

from __future__ import annotations

from collections.abc import Iterable

from streams.delivery.window import OffsetWindow

Partition = tuple[str, int]


class OffsetLedger:
    """A window per assigned partition, all of one generation of the consumer group.

    Work of an earlier generation may still end; it says nothing about this one, in which its records come again.

    Args:
        num_finishers: agents of the app that each finish every record.
    """

    def __init__(self, num_finishers: int = 1) -> None:
        self._num_finishers = num_finishers
        self._windows: dict[Partition, OffsetWindow] = {}
        self.generation = -1
        self.num_finished = self.num_delivered = 0
        """Finishes and deliveries noted since the start; a watchdog looks whether they grow."""
        self._handed_out: dict[Partition, int] = {}

    def open(self, partitions: Iterable[Partition], generation: int) -> None:
        """Forget everything and begin a generation with empty windows."""
        self.generation = generation
        self._windows = {partition: OffsetWindow(self._num_finishers) for partition in partitions}
        self._handed_out = {}

    def deliver(self, partition: Partition, offset: int) -> None:
        """Note that a record was handed to the agents."""
        if partition in self._windows:
            self._windows[partition].deliver(offset)
            self._handed_out[partition] = offset + 1
            self.num_delivered += 1

    def handed_out(self, partition: Partition) -> int | None:
        """The offset behind the last record handed to the agents in this generation; None where none was."""
        return self._handed_out.get(partition)

    def finish(self, partition: Partition, offset: int, *, agent: str, generation: int) -> None:
        """Note that an agent is done with a record; ignored where it came in another generation."""
        if generation != self.generation or partition not in self._windows:
            return
        self._windows[partition].finish(offset, agent)
        self.num_finished += 1

    def committable(self) -> dict[Partition, int]:
        """Offsets that may be committed, of all partitions that have one."""
        return {
            partition: window.committable
            for partition, window in self._windows.items()
            if window.committable is not None
        }

    def num_unfinished(self) -> int:
        """Delivered records that wait for an agent, over all partitions."""
        return sum(window.num_unfinished for window in self._windows.values())
