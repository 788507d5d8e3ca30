"""Rebuilt states in a real Redis: written over whatever stands there, with what is out known to be out."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from schemas.facts import Deleted
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from tests.integration.verdict_world import RULESET
from tests.sample_facts import VIDEO_ID, accepted, signal

CONTEXT = FoldContext(RULESET.policy, RULESET.prices, 0, 1_700_000_010.0)


class TestRestore:
    """Writing what a rebuild made, next to workers that fold."""

    @pytest.mark.parametrize("is_published", [True, False])
    async def test_it_replaces_what_is_behind(self, redis: Redis, is_published: bool) -> None:
        """An older copy of the store gives way; repeating changes nothing."""
        outcomes = Outcomes(redis, Keys())
        old = fold(None, accepted(expected=("frames",)), 3, CONTEXT)
        new = fold(old.state, signal("frames"), 4, CONTEXT)
        assert old.state is not None
        assert new.state is not None
        await outcomes.replace(VIDEO_ID, None, old.state, old.outcome)
        written = [
            await outcomes.restore(VIDEO_ID, new.state, new.outcome, is_published=is_published) for _ in range(2)
        ]
        stored = await outcomes.read(VIDEO_ID)
        assert written == [True, False]
        assert (stored.state, stored.outcome, stored.is_published) == (new.state, new.outcome, is_published)

    async def test_it_leaves_alone_what_is_as_far_or_further(self, redis: Redis) -> None:
        """A worker that folded meanwhile knows more than the rebuild read."""
        outcomes = Outcomes(redis, Keys())
        old = fold(None, accepted(expected=("frames",)), 3, CONTEXT)
        new = fold(old.state, signal("frames"), 4, CONTEXT)
        assert old.state is not None
        assert new.state is not None
        await outcomes.replace(VIDEO_ID, None, new.state, new.outcome)
        assert not await outcomes.restore(VIDEO_ID, old.state, old.outcome, is_published=True)
        assert (await outcomes.read(VIDEO_ID)).state == new.state

    async def test_a_deletion_is_restored_as_a_deletion_marker(self, redis: Redis) -> None:
        """A rebuilt store keeps late facts off as the lost one did."""
        outcomes = Outcomes(redis, Keys())
        gone = fold(None, Deleted(video_id=VIDEO_ID, revision=2, reason="", event_unix_seconds=0.0), 5, CONTEXT)
        assert gone.state is not None
        assert await outcomes.restore(VIDEO_ID, gone.state, None, is_published=False)
        assert await redis.get(Keys().deletion_marker(VIDEO_ID)) == b"2"
        assert (await outcomes.read(VIDEO_ID)).forgotten_version is not None
