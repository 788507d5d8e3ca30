"""A deletion that waits in a gap withdraws all readable data at once; it is folded when the gap closes."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.facts import Deleted
from streams.store.gaps import Gaps
from streams.verdict.followers import told
from streams.verdict.publishing import publish_tombstones
from streams.verdict.stored_publishing import StoredPublishing

_LEAST_REVISION = 1


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Withdraws a video whose deletion waits; may be repeated."""

    gaps: Gaps
    publishing: StoredPublishing

    async def __call__(self, video_id: str, deletion: Deleted | None) -> None:
        """Leave nothing to be read of what was uploaded before the deletion.

        Args:
            video_id: of the video.
            deletion: which waits; None where its gap does not say: then nothing is left at all.
        """
        hidden = await self.gaps.hide(video_id, deletion)
        if hidden is None:  # the log was folded meanwhile, and the deletion with it
            return
        try:
            if hidden.evidence:
                for follower in self.publishing.followers:
                    await told(follower.remove(video_id), video_id)
            if hidden.verdict:
                await self._publish_tombstones(video_id, deletion)
        finally:
            await self._follow(video_id)
        if hidden.verdict:
            await self.publishing.forgetting.dead_letters.withdraw(video_id)

    async def again(self, video_id: str) -> bool:
        """The same of whatever waits; False where no deletion does."""
        gap = await self.gaps.read(video_id)
        if gap is None or not gap.is_deletion_waiting:
            return False
        await self(video_id, gap.deletion)
        return True

    async def _publish_tombstones(self, video_id: str, deletion: Deleted | None) -> None:
        publishing = self.publishing
        revision = deletion.revision if deletion else _LEAST_REVISION
        await publishing.forgetting.repeat_tombstones(video_id, revision, publishing.clock)
        await publish_tombstones(publishing.publisher, video_id)

    async def _follow(self, video_id: str) -> None:
        """What was said of the video while this took place may be before its tombstones."""
        gap = await self.gaps.read(video_id)
        if gap is None:
            await self.publishing.publish_again(video_id)
        elif gap.said:
            await self.gaps.note(video_id, told="0")
