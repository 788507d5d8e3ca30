"""The end of videos of which facts wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streams.store.deadlines import Deadline
from streams.store.stored_case import StoredVideo
from streams.verdict.expiry import expiry_poller
from tests.fakes import ManualClock
from tests.sample_facts import EXPECTED, VIDEO_ID, accepted
from tests.unit.streams.verdict.folding import ALL_SIGNALS, fold_all

KEPT_SECONDS = 60.0


@dataclass
class World:
    """One final video whose time is up, as store and as list of what expires."""

    is_in_gap: bool
    clock: ManualClock = field(default_factory=lambda: ManualClock(1_800_000_000.0))
    due: dict[str, float] = field(default_factory=lambda: {VIDEO_ID: 0.0})
    is_expired: bool = False

    async def read(self, _video_id: str) -> StoredVideo:
        last = fold_all([accepted(expected=EXPECTED), *ALL_SIGNALS])[-1]
        return StoredVideo() if self.is_expired else StoredVideo(last.state, last.outcome, True, self.is_in_gap)

    async def expire(self, *_video: Any) -> bool:
        self.is_expired = True
        return True

    async def claim(self, now_unix_seconds: float, *, seconds: float, limit: int) -> tuple[Deadline, ...]:
        del limit
        found = [video_id for video_id, due in self.due.items() if due <= now_unix_seconds]
        self.due |= dict.fromkeys(found, now_unix_seconds + seconds)
        return tuple(Deadline(video_id, 1, self.due[video_id]) for video_id in found)

    async def postpone(self, entry: Deadline) -> None:
        self.due[entry.video_id] = entry.due_unix_seconds

    async def remove(self, entry: Deadline) -> bool:
        is_same = self.due.get(entry.video_id) == entry.due_unix_seconds
        if is_same:
            del self.due[entry.video_id]
        return is_same


async def test_a_video_whose_facts_wait_is_kept() -> None:
    """A new revision may wait behind the gap, and would be forgotten with it; its time is looked at again later."""
    world: Any = World(is_in_gap=True)
    poll = expiry_poller(world, world, (), KEPT_SECONDS, world.clock)
    await poll.poll()
    assert not world.is_expired
    assert world.due[VIDEO_ID] > world.clock.now_unix_seconds()
    world.is_in_gap = False
    world.clock.advance(3_600.0)
    await poll.poll()
    assert (world.is_expired, world.due) == (True, {})
