"""Publishing what is stored of a video: its outcome, or the tombstones of its deletion, and whatever follows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from schemas.outcomes import Version
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.observability.tracing import spans
from streams.store.outcomes import Outcomes
from streams.store.stored_case import StoredVideo
from streams.verdict.followers import Follower, told
from streams.verdict.forgetting import Forgetting
from streams.verdict.publishing import EventPublisher, publish_outcome, publish_tombstones


@dataclass(frozen=True, slots=True)
class StoredPublishing:
    """Says what is stored until that is the newest; every call may be repeated."""

    outcomes: Outcomes
    publisher: EventPublisher
    clock: Clock
    forgetting: Forgetting
    followers: Sequence[Follower] = ()

    async def publish_stored(self, video_id: str) -> None:
        """Publish what is stored of a video, unless it is known to be out."""
        await self.publish(video_id, await self.outcomes.read(video_id))

    async def publish_again(self, video_id: str) -> None:
        """Publish what is stored of a video, whether or not it is out; nothing of one whose facts wait."""
        stored = await self.outcomes.read(video_id)
        if not stored.is_in_gap:
            await self.publish(video_id, replace(stored, is_published=False))

    async def publish(self, video_id: str, stored: StoredVideo, traceparent: bytes | None = None) -> None:
        """Publish what was read of a video, unless it is known to be out, and what is stored by then; nothing where the
        video's deletion waits in a gap.

        Args:
            video_id: of the video.
            stored: what was read.
            traceparent: of the fact that brought it about.
        """
        while not (stored.is_published or stored.is_withdrawn):
            version = await self._say(video_id, stored, traceparent)
            if version is None or await self._mark_published(video_id, version):
                return
            # Another worker stored a newer one; ours may now lie behind it in the topics, so it must follow ours.
            stored = replace(await self.outcomes.read(video_id), is_published=False)

    async def withdraw_again(self, video_id: str, revision: int) -> None:
        """Withdraw a video once more that is still deleted up to a revision."""
        version = (await self.outcomes.read(video_id)).forgotten_version
        if version is None or version.revision < revision:
            return
        await self._withdraw(video_id)
        if (await self.outcomes.read(video_id)).forgotten_version != version:
            await self.publish_again(video_id)  # a newer outcome may lie before these tombstones

    async def _withdraw(self, video_id: str) -> None:
        """Leave nothing of a deleted video in the topics, with followers, and among dead letters."""
        await publish_tombstones(self.publisher, video_id)
        for follower in self.followers:
            await told(follower.remove(video_id), video_id)
        await self.forgetting.dead_letters.withdraw(video_id)

    async def _mark_published(self, video_id: str, version: Version) -> bool:
        with spans.span("mark published"):
            return await self.outcomes.mark_published(video_id, version)

    async def _say(self, video_id: str, stored: StoredVideo, traceparent: bytes | None) -> Version | None:
        """Publish what is stored; return its version, None where there is nothing to say."""
        if stored.forgotten_version is not None:
            await self._forget(video_id, stored.forgotten_version)
            return stored.forgotten_version
        if stored.outcome is None:
            return None
        await publish_outcome(self.publisher, stored.outcome, traceparent)
        metrics.VERDICTS.labels(stored.outcome.verdict.status, stored.outcome.verdict.action).inc()
        with spans.span("tell followers"):
            for follower in self.followers:
                await told(follower.replace(stored.outcome), video_id)
        return stored.outcome.version

    async def _forget(self, video_id: str, version: Version) -> None:
        await self.forgetting.repeat_tombstones(video_id, version.revision, self.clock)
        await self._withdraw(video_id)
        metrics.VIDEOS_DELETED.inc()
