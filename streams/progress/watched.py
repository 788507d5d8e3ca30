"""What a role says of itself: what it handed out, what it works on, and what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from streams.progress.broker_facts import Partition

Wait = Literal[
    "store-unavailable", "broker-unavailable", "source-unavailable", "dead-letter-limit", "paused", "live-first",
    "slots-taken",
]  # fmt: skip
"""Why a role cannot take more now. Each is right, and none of them ends a process."""


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record that the role has begun and not finished."""

    partition: Partition
    offset: int
    work_seconds: float
    """How long it has been worked on, waits for its source left out."""
    is_deferred: bool = False
    """It waits for its source."""


class WatchedRole(Protocol):
    """A role as the watchdog sees it; all of it may be asked from any thread."""

    @property
    def role(self) -> str:
        """Its name."""

    @property
    def has_joined(self) -> bool:
        """The role believes that it has its partitions and reads."""

    @property
    def num_delivered(self) -> int:
        """Grows with every record that its consumer handed out."""

    @property
    def num_finished(self) -> int:
        """Grows with every finished event, and with whatever arrives for one."""

    def handed_out(self, partition: Partition) -> int | None:
        """The offset behind the last record that was handed out of a partition since it was assigned."""

    def held(self) -> Sequence[HeldRecord]:
        """What is begun and not finished."""

    def waits_for(self) -> Wait | None:
        """Why it cannot take more, as far as it knows itself."""

    def thread_ids(self) -> Sequence[int]:
        """The kernel's ids of the threads that have to run for it to get on."""
