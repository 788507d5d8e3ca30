"""A role's report about itself: what it delivered, what is in progress, and what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from streams.progress.broker_facts import Partition

Wait = Literal[
    "store-unavailable", "broker-unavailable", "source-unavailable", "dead-letter-limit", "paused", "live-first",
    "slots-taken",
]  # fmt: skip
"""Reasons why a role has no capacity now. Each is legitimate, and none ends a process."""


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record that is started and not finished."""

    partition: Partition
    offset: int
    work_seconds: float
    """Time in progress, without waits for its media source."""
    is_deferred: bool = False
    """Whether it waits for its media source."""


class WatchedRole(Protocol):
    """A role as the watchdog sees it; all of it is callable from any thread."""

    @property
    def role(self) -> str:
        """Its name."""

    @property
    def has_joined(self) -> bool:
        """Whether the role believes that it has its partitions and reads."""

    @property
    def num_delivered(self) -> int:
        """Grows with every record that its consumer delivered."""

    @property
    def num_finished(self) -> int:
        """Grows with every finished event, and with every part of one that arrives."""

    def handed_out(self, partition: Partition) -> int | None:
        """Return the offset after the last record that was delivered of a partition since its assignment."""

    def held(self) -> Sequence[HeldRecord]:
        """Return the records that are started and not finished."""

    def waits_for(self) -> Wait | None:
        """Return why the role has no capacity, as far as it knows."""

    def thread_ids(self) -> Sequence[int]:
        """Return the kernel's ids of the threads that the role needs to make progress."""
