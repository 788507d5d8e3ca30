"""Size of a video in Redis, by `MEMORY USAGE` of its keys."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from statistics import mean

import redis

from ops.engagement_stream import engagement_stream, publish_events
from streams.config.settings import Settings
from streams.store.keys import Keys

_EVENTS_PER_VIDEO = 100
_LEAST_EVENTS = 20_000
"""Small hashes are packed; those of a busy platform are not."""
_COUNTED_SECONDS = 60.0


def store_figures(settings: Settings, video_ids: Sequence[str]) -> dict[str, float]:
    """Return mean bytes of each kind of key over videos with a final verdict, and of their vectors."""
    keys = Keys(settings.topic_prefix)
    kinds: dict[str, Callable[[str], str]] = {
        "status": keys.status,
        "verdict": keys.verdict,
        "features": keys.features,
        "embeddings": keys.embeddings,
        "state": keys.state,
        "claims": keys.claims,
    }
    with redis.Redis.from_url(settings.redis_url.get_secret_value(), decode_responses=True) as store:
        found = {
            f"redis_{kind}_bytes_per_video": mean(_bytes(store, key_of(name)) for name in video_ids)
            for kind, key_of in kinds.items()
        }
        return {**found, "redis_vectors_bytes_per_video": _vector_bytes(store, keys)}


def engagement_figures(settings: Settings, video_ids: Sequence[str]) -> dict[str, float]:
    """Publish engagement; measure the counts, and the ids that are stored for deduplication.

    Raises:
        TimeoutError: no running worker counts the events.
    """
    keys = Keys(settings.topic_prefix)
    number = max(_LEAST_EVENTS, _EVENTS_PER_VIDEO * len(video_ids))
    publish_events(settings, engagement_stream(video_ids, number, time.time(), seed=1))
    with redis.Redis.from_url(settings.redis_url.get_secret_value(), decode_responses=True) as store:
        _await_counts(store, [keys.engagement(name) for name in video_ids])
        ids = list(store.scan_iter(match=f"{settings.topic_prefix}vs:engagement-ids:*", count=1000))
        num_ids = sum(store.hlen(key) for key in ids)
        return {
            "redis_engagement_bytes_per_video": mean(_bytes(store, keys.engagement(name)) for name in video_ids),
            "redis_engagement_id_bytes": sum(_bytes(store, key) for key in ids) / max(1, num_ids),
        }


def _await_counts(store: redis.Redis, names: Sequence[str]) -> None:
    """Wait until the sum of all counts no longer changes."""
    give_up = time.monotonic() + _COUNTED_SECONDS
    last = -1
    while time.monotonic() < give_up:
        values = [json.loads(value) for value in store.mget(names) if value]
        counted = sum(sum(each["counts"].values()) for each in values)
        if counted and counted == last:
            return
        last = counted
        time.sleep(1.0)
    raise TimeoutError(f"engagement of {len(names)} videos was not counted within {_COUNTED_SECONDS:g} s")


def _bytes(store: redis.Redis, key: str) -> float:
    return float(store.memory_usage(key, samples=0) or 0)


def _vector_bytes(store: redis.Redis, keys: Keys) -> float:
    """Return the bytes of all spaces, divided by their members; includes a space's fixed part."""
    spaces = [keys.space(str(name)) for name in store.smembers(keys.spaces())]
    return sum(_bytes(store, key) / max(1, _cardinality(store, key)) for key in spaces)


def _cardinality(store: redis.Redis, key: str) -> int:
    return int(store.execute_command("VCARD", key))  # type: ignore[no-untyped-call]
