"""The parts of Redis that a rebuild and an audit fill."""

from __future__ import annotations

from redis.asyncio import Redis

from streams.config.settings import Settings
from streams.dead_letters.dead_letter_index import DeadLetterIndex
from streams.kafka.group_names import group_of
from streams.lifecycle.release import release
from streams.recovery.rebuild import RebuildStores
from streams.similarity.picture_index import PictureIndex
from streams.similarity.vectors import Vectors
from streams.store.applied import AppliedOffsets
from streams.store.deadlines import Deadlines
from streams.store.gaps import Gaps
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.verdict.expiry import Expiry


def gaps_of(settings: Settings, redis: Redis) -> Gaps:
    """Return the store of gaps."""
    return Gaps(redis, Keys(settings.topic_prefix), release(), settings.deletion_marker_ttl_seconds)


def rebuild_stores(settings: Settings, redis: Redis) -> RebuildStores:
    """Return everything in Redis that a rebuild fills."""
    keys = Keys(settings.topic_prefix)
    applied = AppliedOffsets(redis, keys, group_of(settings, "verdict"))
    counts_seconds = settings.engagement_retention_seconds
    outcomes = Outcomes(redis, keys, settings.deletion_marker_ttl_seconds, counts_seconds=counts_seconds)
    dead_letters = DeadLetterIndex(redis, keys, settings.topic_retention_dead_letter_seconds)
    expiry = Expiry(Deadlines(redis, keys, keys.expiring()), settings.video_retention_seconds)
    tombstones = Deadlines(redis, keys, keys.tombstones())
    return RebuildStores(
        outcomes,
        Deadlines(redis, keys),
        applied,
        expiry,
        (Vectors(redis, keys), PictureIndex(redis, keys)),
        dead_letters,
        tombstones,
        gaps_of(settings, redis),
    )
