"""A deletion that waits in a gap acts on all that can be read at once; it is folded when the gap closes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.facts import Deleted
from streams.store.gaps import Gaps
from streams.verdict.followers import Follower
from streams.verdict.forgetting import Forgetting
from streams.verdict.publishing import EventPublisher, publish_tombstones


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Takes a video away whose deletion waits; may be repeated."""

    gaps: Gaps
    publisher: EventPublisher
    followers: Iterable[Follower]
    """Lose sight of the video."""
    forgetting: Forgetting
    """Takes back its dead letters."""

    async def __call__(self, deletion: Deleted) -> None:
        """Leave nothing to be read of what was uploaded before the deletion."""
        video_id = deletion.video_id
        if await self.gaps.hide(video_id, deletion):
            await publish_tombstones(self.publisher, video_id)
            for follower in self.followers:
                await follower.remove(video_id)
        await self.forgetting.dead_letters.withdraw(video_id)
