"""What a broker says of a consumer group and of one member's partitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Partition = tuple[str, int]


class FactsUnknown(Exception):
    """The broker does not answer the question: it does not know it, or does not let us ask."""


class OffsetsUnavailable(FactsUnknown):
    """No broker answers, or the one that would know is moving."""


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """One partition that the broker assigned to the member."""

    committed: int | None
    """By the group; None where it never committed."""
    start: int
    """The oldest offset that the log still holds."""
    end: int
    """The last stable offset: records of a transaction that is still open are not behind."""

    @property
    def next_offset(self) -> int:
        """Where the group would read on."""
        return self.start if self.committed is None else max(self.committed, self.start)

    @property
    def lag(self) -> int:
        """Offsets between what is committed and the end."""
        return max(0, self.end - self.next_offset)


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """One answer of the broker about a group, as seen by one of its members."""

    is_settled: bool
    """The group is not in a rebalance; while it is, the broker tells no assignment."""
    is_member: bool
    """The member is in the group, with or without partitions."""
    partitions: Mapping[Partition, PartitionFacts]

    @property
    def lag(self) -> int:
        """Over all partitions of the member."""
        return sum(facts.lag for facts in self.partitions.values())
