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
    """What Kafka says of an assigned partition."""

    committed: int | None
    """By the group; None where it never committed."""
    earliest: int
    """First offset that the log still holds."""


class ResumePolicy(Protocol):
    """Called by the consumer; both wait while Redis is unavailable."""

    async def resume(self, partitions: Mapping[Partition, PartitionState]) -> dict[Partition, int]:
        """Return offsets to read on from where they differ from what Kafka has committed.

        Raises:
            StoreBehindLog: reading on would leave holes that nobody notices.
        """

    async def before_commit(self, offsets: Mapping[Partition, int]) -> None:
        """Offsets are about to be committed."""


class ResumeFromKafka:
    """Resumes from Kafka's committed offsets: for roles whose Redis state may be lost without harm."""

    async def resume(self, partitions: Mapping[Partition, PartitionState]) -> dict[Partition, int]:
        """Nothing differs."""
        del partitions
        return {}

    async def before_commit(self, offsets: Mapping[Partition, int]) -> None:
        """Nothing is due."""


class ResumeFromStore:
    """Resumes from Redis where it is behind Kafka: for the role whose state is in Redis.

    Args:
        applied: progress as Redis has it.
    """

    def __init__(self, applied: AppliedOffsets) -> None:
        self._applied = applied

    async def resume(self, partitions: Mapping[Partition, PartitionState]) -> dict[Partition, int]:
        """Seek back to what Redis has. Raises StoreBehindLog where the log no longer reaches there."""
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
        """Redis learns of progress first, so that it is never behind by what it has applied.

        Raises StoreRolledBack where Redis has less than this worker saw: a commit would hide what is missing.
        """
        await self._applied.write(offsets)
