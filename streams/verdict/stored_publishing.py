"""Publishes the stored state of a video: its outcome or the tombstones of its deletion, then calls the followers."""

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
    """Publishes until the newest stored state is out; every call may be repeated."""

    outcomes: Outcomes
    publisher: EventPublisher
    clock: Clock
    forgetting: Forgetting
    followers: Sequence[Follower] = ()

    async def publish_stored(self, video_id: str) -> None:
        """Publish the stored state of a video, unless it is marked as published."""
        await self.publish(video_id, await self.outcomes.read(video_id))

    async def publish_again(self, video_id: str) -> None:
        """Publish the stored state of a video even if it was published; nothing while its facts wait."""
        stored = await self.outcomes.read(video_id)
        if not stored.is_in_gap:
            await self.publish(video_id, replace(stored, is_published=False))

    async def publish(self, video_id: str, stored: StoredVideo, traceparent: bytes | None = None) -> None:
        """Publish the state that was read, unless it is marked as published, and any newer one stored meanwhile;
        nothing while the video's deletion waits in a gap.

        Args:
            video_id: of the video.
            stored: what was read.
            traceparent: trace context of the fact that caused it.
        """
        while not (stored.is_published or stored.is_withdrawn):
            version = await self._say(video_id, stored, traceparent)
            if version is None or await self._mark_published(video_id, version):
                return
            # Another worker stored a newer one; ours may come after it in the topics, so publish the newer one again.
            stored = replace(await self.outcomes.read(video_id), is_published=False)

    async def withdraw_again(self, video_id: str, revision: int) -> None:
        """Withdraw a video again if it is still deleted at this revision or a later one."""
        version = (await self.outcomes.read(video_id)).forgotten_version
        if version is None or version.revision < revision:
            return
        await self._withdraw(video_id)
        if (await self.outcomes.read(video_id)).forgotten_version != version:
            await self.publish_again(video_id)  # a newer outcome may come before these tombstones

    async def _withdraw(self, video_id: str) -> None:
        """Remove a deleted video from the topics, the followers and the dead letters."""
        await publish_tombstones(self.publisher, video_id)
        for follower in self.followers:
            await told(follower.remove(video_id), video_id)
        await self.forgetting.dead_letters.withdraw(video_id)

    async def _mark_published(self, video_id: str, version: Version) -> bool:
        with spans.span("mark published"):
            return await self.outcomes.mark_published(video_id, version)

    async def _say(self, video_id: str, stored: StoredVideo, traceparent: bytes | None) -> Version | None:
        """Publish the stored state; return its version, None if there is nothing to publish."""
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
