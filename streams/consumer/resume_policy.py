"""Resume policy of a role: where to continue reading, and what to do before offsets are committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from streams.delivery.committable_offsets import Partition
from streams.store.applied import AppliedOffsets, resume_offset

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PartitionState:
    """State of an assigned partition in Kafka."""

    committed: int | None
    """Committed offset of the group; None if it never committed."""
    earliest: int
    """First offset that is still in the log."""


class ResumePolicy(Protocol):
    """Called by the consumer; both methods wait while Redis is unavailable."""

    async def resume(self, partitions: Mapping[Partition, PartitionState]) -> dict[Partition, int]:
        """Return start offsets for partitions where they differ from Kafka's committed offsets.

        Raises:
            StoreBehindLog: continuing would leave gaps that nobody notices.
        """

    async def before_commit(self, offsets: Mapping[Partition, int]) -> None:
        """Called before offsets are committed."""


class ResumeFromKafka:
    """Resumes from Kafka's committed offsets: for roles whose Redis state may be lost without harm."""

    async def resume(self, partitions: Mapping[Partition, PartitionState]) -> dict[Partition, int]:
        """Return no offsets."""
        del partitions
        return {}

    async def before_commit(self, offsets: Mapping[Partition, int]) -> None:
        """Do nothing."""


class ResumeFromStore:
    """Resumes from Redis if it is behind Kafka: for the role whose state is in Redis.

    Args:
        applied: applied offsets in Redis.
    """

    def __init__(self, applied: AppliedOffsets) -> None:
        self._applied = applied

    async def resume(self, partitions: Mapping[Partition, PartitionState]) -> dict[Partition, int]:
        """Seek back to the applied offset. Raises StoreBehindLog if the log no longer contains it."""
        applied = await self._applied.take(partitions)
        starts: dict[Partition, int] = {}
        for partition, state in partitions.items():
            start = resume_offset(
                partition,
                committed=state.committed,
                applied=applied.get(partition),
                earliest=state.earliest,
            )
            if start is not None:
                _log.warning("redis is behind kafka; re-reading", place=partition, from_offset=start)
                starts[partition] = start
        return starts

    async def before_commit(self, offsets: Mapping[Partition, int]) -> None:
        """Write the offsets to Redis first, so that Redis is never behind what it has applied.

        Raises StoreRolledBack if Redis has a lower offset than this worker saw: a commit would hide the loss.
        """
        await self._applied.write(offsets)
