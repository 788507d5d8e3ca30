"""What a deletion needs beside the topics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from streams.store.deadlines import Deadlines


class DeadLetterWithdrawer(Protocol):
    """Where dead letters of a video can be withdrawn; see `streams.dead_letters.dead_letters`."""

    async def withdraw(self, video_id: str) -> int:
        """Make the video's dead letters unreadable; return how many there were."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Handed to whatever publishes tombstones."""

    tombstones: Deadlines
    """Deletions whose tombstones are due once more."""
    dead_letters: DeadLetterWithdrawer
    repeat_seconds: float
    """After that, no worker can still be publishing what it read before the deletion."""
