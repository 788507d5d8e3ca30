"""Rebuilt states in a real Redis: written over whatever stands there, with what is out known to be out."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.verdict.fold import fold
from streams.verdict.outcome import FoldContext
from tests.integration.verdict_world import RULESET
from tests.sample_facts import VIDEO_ID, accepted, signal

CONTEXT = FoldContext(RULESET.policy, RULESET.prices, 0, 1_700_000_010.0)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


class TestRestore:
    """Writing without compare-and-set."""

    @pytest.mark.parametrize("is_published", [True, False])
    async def test_it_replaces_what_stands_there(self, redis: Redis, is_published: bool) -> None:
        """A newer state of a store that is not to be trusted gives way, too; repeating changes nothing."""
        outcomes = Outcomes(redis, Keys())
        old = fold(None, accepted(expected=("frames",)), 3, CONTEXT)
        new = fold(old.state, signal("frames"), 4, CONTEXT)
        assert old.state is not None
        assert new.state is not None
        await outcomes.replace(VIDEO_ID, None, new.state, new.outcome)
        for _ in range(2):
            await outcomes.restore(VIDEO_ID, old.state, old.outcome, is_published=is_published)
            stored = await outcomes.read(VIDEO_ID)
            assert (stored.state, stored.outcome, stored.is_published) == (old.state, old.outcome, is_published)
