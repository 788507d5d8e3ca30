"""Counts and summaries of engagement on a real Redis, no matter who comes first: people's events, or the video."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis, WatchError
from redis.asyncio import Redis as AsyncRedis

from schemas.engagement import EngagementEvent
from schemas.facts import EngagementSummary
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.engagement.deduplication import deduplicate
from streams.engagement.event_parsing import ParsedEvent, content_of, identity_of
from streams.engagement.store import EngagementStore, Retention
from streams.engagement.summaries import SummaryPoller
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.video_statuses import VideoStatuses
from tests.fakes import ManualClock
from tests.integration.verdict_world import RULESET
from tests.sample_facts import VIDEO_ID, accepted, signal

KEYS = Keys("test.")
TOPIC = "test.video.engagement"
DAY_SECONDS = 86_400
KNOWN_SECONDS = 60 * DAY_SECONDS
SUMMARY_SECONDS = 60.0
CONTEXT = FoldContext(RULESET.policy, RULESET.prices, 0, 1_700_000_010.0)


class Counting:
    """Counts events of one partition in a real Redis, as the role does."""

    def __init__(self, redis: Redis, clock: ManualClock) -> None:
        self.redis = redis
        self.clock = clock
        self.store = EngagementStore(redis, KEYS, TOPIC, Retention(KNOWN_SECONDS, DAY_SECONDS))
        self.said: list[EngagementSummary] = []
        self.poll = SummaryPoller(self.store, self.said.extend, clock, SUMMARY_SECONDS)

    def count(self, number: int, video_id: str = VIDEO_ID, begin: int = 0, between: object = None) -> None:
        """Count so many views; `between` is called after the store was read and before it is written."""
        arrivals = {0: [self._view(video_id, begin + each) for each in range(number)]}
        with self.store.begin() as transaction:
            found = self.store.read(transaction, arrivals)
            if callable(between):
                between()
            now = self.clock.now_unix_seconds()
            done = deduplicate(
                arrivals, {0: begin + number}, found, now_unix_seconds=now, summary_seconds=SUMMARY_SECONDS
            )
            self.store.commit(transaction, done.changes, found)

    def life_seconds(self, video_id: str = VIDEO_ID) -> int:
        return int(self.redis.ttl(KEYS.engagement(video_id)))  # type: ignore[arg-type]

    def _view(self, video_id: str, number: int) -> ParsedEvent:
        at = self.clock.now_unix_seconds()
        event = EngagementEvent(event_id=str(number), video_id=video_id, kind="view", event_unix_seconds=at)
        return ParsedEvent(event, identity_of(event), content_of(event), int(at // 600), None)


@pytest.fixture
def counting(redis_url: str) -> Iterator[Counting]:
    """A store that knows nothing yet."""
    with Redis.from_url(redis_url) as client:
        yield Counting(client, ManualClock())


def outcomes_of(redis: AsyncRedis) -> Outcomes:
    return Outcomes(redis, KEYS, counts_seconds=KNOWN_SECONDS)


def cases_of(redis: AsyncRedis) -> VideoStatuses:
    return VideoStatuses(redis, KEYS, KNOWN_SECONDS)


async def fold_one(redis: AsyncRedis, *facts: object) -> None:
    """Fold facts in order, as the verdict role writes them."""
    outcomes = outcomes_of(redis)
    for fact in facts:
        before = (await outcomes.read(VIDEO_ID)).state
        folded = fold(before, fact, (before.applied_offset if before else 0) + 1, CONTEXT)  # type: ignore[arg-type]
        if folded.state is not None:
            await outcomes.replace(VIDEO_ID, before, folded.state, folded.outcome)


class TestLife:
    """How long counts are kept."""

    async def test_a_video_that_comes_after_its_counts_gives_them_a_known_ones_life(
        self, counting: Counting, redis: AsyncRedis
    ) -> None:
        """Intake registers the case, and counts of an hour ago no longer end within the day."""
        counting.count(3)
        assert counting.life_seconds() <= DAY_SECONDS
        await cases_of(redis).register(accepted())
        assert counting.life_seconds() > KNOWN_SECONDS - DAY_SECONDS
        counting.count(1, begin=3)
        assert counting.life_seconds() > KNOWN_SECONDS - DAY_SECONDS

    async def test_an_emptied_store_that_counts_before_it_is_rebuilt_loses_no_counts_within_the_day(
        self, counting: Counting, redis: AsyncRedis
    ) -> None:
        """Counts are read again while no case is known; the rebuild, which writes the outcome, lengthens their life."""
        folded = fold(None, accepted(), 3, CONTEXT)
        assert folded.state is not None
        counting.count(3)
        assert counting.life_seconds() <= DAY_SECONDS
        assert await outcomes_of(redis).restore(VIDEO_ID, folded.state, folded.outcome, is_published=True)
        assert counting.life_seconds() > KNOWN_SECONDS - DAY_SECONDS

    async def test_a_video_registered_while_its_first_events_are_counted(
        self, counting: Counting, redis: AsyncRedis, redis_url: str
    ) -> None:
        """What was read before the registration is not written after it: the batch is counted again, and kept."""

        def registers() -> None:
            with Redis.from_url(redis_url) as other:
                other.hset(KEYS.status(VIDEO_ID), "revision", 1)

        with pytest.raises(WatchError):
            counting.count(3, between=registers)
        counting.count(3)
        assert counting.life_seconds() > KNOWN_SECONDS - DAY_SECONDS

    async def test_facts_and_revisions_of_a_known_video_lengthen_nothing(
        self, counting: Counting, redis: AsyncRedis
    ) -> None:
        """The time counts from the last event; only a video that becomes known begins it again."""
        await cases_of(redis).register(accepted())
        counting.count(1)
        counting.redis.expire(KEYS.engagement(VIDEO_ID), 100)
        await cases_of(redis).register(accepted())
        await cases_of(redis).register(accepted(2))
        await fold_one(redis, accepted(2), signal("frames", 2))
        assert counting.life_seconds() <= 100

    async def test_counts_of_a_video_that_never_comes_end_within_the_day(self, counting: Counting) -> None:
        """Engagement with ids that nobody uploads does not fill the store."""
        counting.count(5, video_id="nobody")
        assert 0 < counting.life_seconds("nobody") <= DAY_SECONDS


class TestSummaries:
    """What the fold is told, and when."""

    async def test_a_summary_waits_for_the_acceptance_of_its_video(self, counting: Counting, redis: AsyncRedis) -> None:
        """Registered is not enough: the fold would drop it. It follows by itself once `accepted` is folded."""
        counting.count(20)
        counting.clock.advance(SUMMARY_SECONDS)
        counting.poll.poll([0])
        await cases_of(redis).register(accepted())
        counting.clock.advance(SUMMARY_SECONDS)
        counting.poll.poll([0])
        assert counting.said == []
        await fold_one(redis, accepted())
        counting.clock.advance(SUMMARY_SECONDS)
        counting.poll.poll([0])
        assert [summary.counts for summary in counting.said] == [{"view": 20}]
        counting.clock.advance(10 * SUMMARY_SECONDS)
        counting.poll.poll([0])
        assert len(counting.said) == 1

    async def test_signals_that_overtook_the_acceptance_are_no_acceptance(
        self, counting: Counting, redis: AsyncRedis
    ) -> None:
        """A state without an outcome drops summaries, too."""
        counting.count(1)
        await fold_one(redis, signal("frames"))
        counting.clock.advance(SUMMARY_SECONDS)
        counting.poll.poll([0])
        assert counting.said == []

    async def test_who_waits_for_long_is_looked_at_ever_more_rarely(self, counting: Counting) -> None:
        """Half a day without an event: the next look is as far off, so that many unknown videos hold nobody up."""
        counting.count(1)
        counting.redis.expire(KEYS.engagement(VIDEO_ID), DAY_SECONDS // 2)
        counting.clock.advance(SUMMARY_SECONDS)
        counting.poll.poll([0])
        (due,) = counting.redis.zrange(KEYS.engagement_due(0), 0, -1, withscores=True)  # type: ignore[misc]
        wait_seconds = due[1] - counting.clock.now_unix_seconds()
        assert DAY_SECONDS // 2 <= wait_seconds < DAY_SECONDS // 2 + 60

    async def test_an_event_brings_the_look_forward(self, counting: Counting, redis: AsyncRedis) -> None:
        """A video that was forgotten about is told soon after somebody watches it again."""
        counting.count(1)
        counting.redis.zadd(KEYS.engagement_due(0), {VIDEO_ID: counting.clock.now_unix_seconds() + DAY_SECONDS})
        await fold_one(redis, accepted())
        counting.count(1, begin=1)
        counting.clock.advance(SUMMARY_SECONDS)
        counting.poll.poll([0])
        assert [summary.counts for summary in counting.said] == [{"view": 2}]

    async def test_nothing_waits_for_counts_that_have_ended(self, counting: Counting) -> None:
        """Once the record of a video that never came is gone, nothing of it is due any more."""
        counting.count(1)
        counting.redis.delete(KEYS.engagement(VIDEO_ID))
        counting.clock.advance(SUMMARY_SECONDS)
        counting.poll.poll([0])
        assert counting.redis.zcard(KEYS.engagement_due(0)) == 0
