"""What a deletion needs in addition to the topics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from streams.lifecycle.clock import Clock
from streams.store.deadlines import Deadline, Deadlines


class DeadLetterWithdrawer(Protocol):
    """Withdraws dead letters of a video; see `streams.dead_letters.dead_letters`."""

    async def withdraw(self, video_id: str) -> int:
        """Replace the video's dead letters by tombstones; return how many there were."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Passed to code that publishes tombstones."""

    tombstones: Deadlines
    """Deletions whose tombstones are written once more, by time."""
    dead_letters: DeadLetterWithdrawer
    repeat_seconds: float
    """After this time no worker can still be publishing what it read before the deletion."""

    async def repeat_tombstones(self, video_id: str, revision: int, clock: Clock) -> None:
        """Have the tombstones of a deletion published once more; to be called before they are published."""
        again_unix_seconds = clock.now_unix_seconds() + self.repeat_seconds
        await self.tombstones.register(Deadline(video_id, revision, again_unix_seconds))
