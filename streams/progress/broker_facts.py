"""The broker's state of a consumer group and of one member's partitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Partition = tuple[str, int]


class FactsUnknown(Exception):
    """The broker does not answer the question: it does not support it, or does not permit it."""


class OffsetsUnavailable(FactsUnknown):
    """No broker answers, or the responsible one is moving."""


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """One partition that the broker assigned to the member."""

    committed: int | None
    """Committed offset of the group; None if it never committed."""
    start: int
    """The oldest offset that is still in the log."""
    end: int
    """The last stable offset: records of an open transaction do not count as lag."""

    @property
    def next_offset(self) -> int:
        """The offset at which the group would continue to read."""
        return self.start if self.committed is None else max(self.committed, self.start)

    @property
    def lag(self) -> int:
        """Number of offsets between the committed offset and the end."""
        return max(0, self.end - self.next_offset)


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """One answer of the broker about a group, from the view of one member."""

    is_settled: bool
    """Whether the group is not in a rebalance; during a rebalance the broker reports no assignment."""
    is_member: bool
    """Whether the member is in the group, with or without partitions."""
    partitions: Mapping[Partition, PartitionFacts]

    @property
    def lag(self) -> int:
        """Sum over all partitions of the member."""
        return sum(facts.lag for facts in self.partitions.values())
