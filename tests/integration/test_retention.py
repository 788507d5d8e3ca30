"""Retention on a real broker and a real store: what the settings say is what is kept."""

from __future__ import annotations

from redis.asyncio import Redis

from schemas.topics import BACKFILL, UPLOADED
from streams.settings import Settings, read_settings
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.topic_admin import check_topics, create_topics
from streams.verdict.fold import fold
from streams.verdict.outcome import FoldContext
from tests.integration.verdict_world import RULESET
from tests.pipeline import await_value
from tests.sample_facts import VIDEO_ID, accepted, signal
from tests.unique_topics import UniqueTopics

TEN_DAYS_SECONDS = 864_000
KNOWN_SECONDS = 60.0
CONTEXT = FoldContext(RULESET.policy, RULESET.prices, 0, 1_700_000_010.0)


def are_known(settings: Settings) -> bool | None:
    """Whether the broker tells of all topics; what it has confirmed may still be on its way into its metadata."""
    return True if all(finding.partitions for finding in check_topics(settings)) else None


class TestTopics:
    def test_are_created_and_checked_by_the_settings(self, kafka: str, topics: UniqueTopics) -> None:
        """A topic made under other settings is one that differs, and both times are quoted."""
        prefix = topics.name("kept.")

        def settings(**changed: int) -> Settings:
            return read_settings(kafka_bootstrap_servers=kafka, topic_prefix=prefix, **changed)

        longer = settings(topic_retention_uploaded_seconds=TEN_DAYS_SECONDS)
        create_topics(longer, partitions=1, replication=1)
        await_value(lambda: are_known(longer), KNOWN_SECONDS, lambda: f"{check_topics(longer)}")
        assert [finding for finding in check_topics(longer) if finding.problems] == []
        differing = {finding.topic: finding.problems for finding in check_topics(settings()) if finding.problems}
        said = ("retention.ms is 864000000, contract says 604800000",)
        assert differing == {prefix + topic.name: said for topic in (UPLOADED, BACKFILL)}


class TestStore:
    async def test_a_video_outlives_the_log(self, redis_url: str) -> None:
        """Nothing that is known of a decided video expires, so it does not end with its facts in the log."""
        keys, state = Keys(), None
        async with Redis.from_url(redis_url) as redis:
            outcomes = Outcomes(redis, keys)
            for offset, fact in enumerate((accepted(expected=("frames",)), signal("frames"))):
                folded = fold(state, fact, offset, CONTEXT)
                assert folded.state is not None
                assert await outcomes.replace(VIDEO_ID, state, folded.state, folded.outcome)
                state = folded.state
            kept = (keys.state, keys.status, keys.verdict, keys.features, keys.embeddings)
            assert [await redis.ttl(key(VIDEO_ID)) for key in kept] == [-1] * len(kept)
