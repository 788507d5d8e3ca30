"""The demo's viewers: made-up events for the clips, and the resulting engagement and similarity in Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import msgspec
from redis.asyncio import Redis

from ops.cli.with_redis import read_once
from ops.engagement_stream import engagement_stream, publish_events
from schemas.engagement import Engagement
from streams.config.settings import Settings
from streams.similarity.query import PICTURE_SPACE, NotInSpace, similar
from streams.store.keys import Keys

NUM_EVENTS: Final = 5_000
_SEED: Final = 7
_LONGEST_SECONDS: Final = 20.0
_ASK_SECONDS: Final = 0.1


def show_audience(settings: Settings, names: dict[str, str]) -> list[str]:
    """Publish events, wait until they are counted, and return lines about engagement and similar videos.

    Args:
        settings: of the running stack.
        names: of the files, by video id, the most watched first.
    """
    events = list(engagement_stream(list(names), NUM_EVENTS, time.time(), _SEED))
    num_distinct = len({event.event_id for event in events})
    began = time.monotonic()
    publish_events(settings, events)
    counted = asyncio.run(read_once(settings, lambda store: _counted(store, settings, list(names), num_distinct)))
    head = f"{NUM_EVENTS} made-up engagement events, {num_distinct} distinct, counted {time.monotonic() - began:.1f} s"
    lines = [head + " after they were sent"]
    lines += [_engagement_line(names[video_id], record) for video_id, record in list(counted.items())[:3]]
    return [*lines, *asyncio.run(read_once(settings, lambda store: _similarity_lines(store, settings, names)))]


async def _counted(
    store: Redis, settings: Settings, video_ids: Sequence[str], num_distinct: int
) -> dict[str, Engagement]:
    """Return each video's record, as soon as all events are counted or the time is up."""
    keys = Keys(settings.topic_prefix)
    give_up = time.monotonic() + _LONGEST_SECONDS
    while True:
        values = await store.mget([keys.engagement(video_id) for video_id in video_ids])
        records = {
            video_id: msgspec.json.decode(value, type=Engagement)
            for video_id, value in zip(video_ids, values, strict=True)
            if value is not None
        }
        total = sum(sum(record.counts.values()) for record in records.values())
        if total >= num_distinct or time.monotonic() > give_up:
            return records
        await asyncio.sleep(_ASK_SECONDS)


def _engagement_line(name: str, record: Engagement) -> str:
    counts = "  ".join(f"{kind} {number}" for kind, number in record.counts.items())
    rates = "  ".join(f"{rate} {value:.3f}" for rate, value in list(record.rates.items())[:3])
    return f"  {name}: {counts}  | with a prior: {rates}"


async def _similarity_lines(store: Redis, settings: Settings, names: dict[str, str]) -> list[str]:
    keys = Keys(settings.topic_prefix)
    lines = [f"nearest neighbours by pictures ({PICTURE_SPACE})"]
    for video_id, name in names.items():
        try:
            found = await similar(store, keys, video_id, space=PICTURE_SPACE, count=1)
        except NotInSpace:
            continue  # sound alone
        for nearest in found:
            lines.append(f"  {name}: {names.get(nearest.video_id, nearest.video_id)} at cosine {nearest.cosine:.2f}")
    return lines[:4]
