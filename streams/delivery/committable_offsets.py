"""The committable offsets of one Faust app: updated by its consumer and agents, read at each commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streams.delivery.offset_tracker import OffsetTracker

Partition = tuple[str, int]


class CommittableOffsets:
    """One offset tracker for each assigned partition, all of one generation of the consumer group.

    Work of an earlier generation may still finish; it is ignored, because its records are redelivered in this one.

    Args:
        num_finishers: agents of the app that each finish every record.
    """

    def __init__(self, num_finishers: int = 1) -> None:
        self._num_finishers = num_finishers
        self._trackers: dict[Partition, OffsetTracker] = {}
        self._committed: dict[Partition, int] = {}
        self._moved: set[Partition] = set()
        """Partitions whose committable offset changed since the last commit; a commit reads only these."""
        self.generation = -1
        self.num_finished = self.num_delivered = 0
        """Numbers of finishes and deliveries since the start; the watchdog checks whether they grow."""
        self._handed_out: dict[Partition, int] = {}

    def open(
        self, partitions: Iterable[Partition], generation: int, committed: Mapping[Partition, int] | None = None
    ) -> None:
        """Discard everything and start a generation with empty trackers.

        Args:
            partitions: assigned in this generation.
            generation: of the consumer group.
            committed: committed offsets of the group; no lower offset is uncommitted.
        """
        self.generation = generation
        self._trackers = {partition: OffsetTracker(self._num_finishers) for partition in partitions}
        self._handed_out = {}
        self._committed = dict(committed or {})
        self._moved.clear()

    def reopen(self, partition: Partition) -> None:
        """Discard the state of one partition whose log was truncated: its offsets mean other records from now on."""
        if partition in self._trackers:
            self._trackers[partition] = OffsetTracker(self._num_finishers)
            self._committed.pop(partition, None)
            self._handed_out.pop(partition, None)
            self._moved.discard(partition)

    def deliver(self, partition: Partition, offset: int) -> None:
        """Note that a record was delivered to the agents."""
        if partition in self._trackers:
            self._trackers[partition].deliver(offset)
            self._handed_out[partition] = offset + 1
            self.num_delivered += 1

    def handed_out(self, partition: Partition) -> int | None:
        """Return the offset after the last record delivered to the agents in this generation, or None."""
        return self._handed_out.get(partition)

    def read_to(self, partition: Partition, position: int) -> None:
        """Note that every record before the position was delivered to the agents; see `OffsetTracker.read_to`."""
        tracker = self._trackers.get(partition)
        if tracker is not None:
            tracker.read_to(position)
            self._note_move(partition, tracker)

    def finish(self, partition: Partition, offset: int, *, agent: str, generation: int) -> None:
        """Note that an agent has finished a record; ignored if the record is from another generation."""
        if generation != self.generation or partition not in self._trackers:
            return
        tracker = self._trackers[partition]
        tracker.finish(offset, agent)
        self._note_move(partition, tracker)
        self.num_finished += 1

    def uncommitted(self) -> dict[Partition, int]:
        """Return offsets that may be committed and are not; the cost depends on what changed since the last commit, not
        on the number of partitions."""
        found = ((partition, self._trackers[partition].committable) for partition in self._moved)
        return {partition: offset for partition, offset in found if offset is not None}

    def note_committed(self, offsets: Mapping[Partition, int]) -> None:
        """Note that these offsets were committed in this generation."""
        for partition, offset in offsets.items():
            if partition in self._trackers:
                self._committed[partition] = max(offset, self._committed.get(partition, offset))
                self._note_move(partition, self._trackers[partition])

    def _note_move(self, partition: Partition, tracker: OffsetTracker) -> None:
        if tracker.committable is not None and tracker.committable > self._committed.get(partition, -1):
            self._moved.add(partition)
        else:
            self._moved.discard(partition)
