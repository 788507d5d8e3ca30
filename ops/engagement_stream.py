"""A made-up stream of engagement, and its publication.

It has a few videos that everybody watches, viewers who lose interest, and clients that send twice and late.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from schemas.codec import encode, event_headers
from schemas.engagement import EngagementEvent, EngagementKind
from schemas.topics import ENGAGEMENT
from streams.config.settings import Settings
from streams.kafka.confirmed_publishing import OutgoingRecord, publish_confirmed

_AFTER_VIEW: tuple[tuple[EngagementKind, float], ...] = (
    ("completion", 0.35),
    ("like", 0.06),
    ("comment", 0.01),
    ("share", 0.01),
    ("report", 0.001),
)
"""What follows a view, and how often; made-up magnitudes."""
_DUPLICATE_SHARE = 0.03
_LATE_SHARE = 0.02
_LATEST_SECONDS = 7_200.0
_BATCH_BYTES = 48 * 1024
"""Brokers apply the topic's limit to batches, not only to events."""


def video_names(number: int) -> list[str]:
    """Return names of simulated videos, the most watched first."""
    return [f"simulated-{rank:06}" for rank in range(number)]


def engagement_stream(
    videos: Sequence[str], num_events: int, now_unix_seconds: float, seed: int
) -> Iterator[EngagementEvent]:
    """Yield events: videos by Zipf's law, 3% sent twice, 2% up to two hours late.

    Args:
        videos: the most watched first.
        num_events: number of events, including repetitions.
        now_unix_seconds: none happened later; most within the minute before.
        seed: the same seed makes the same stream.
    """
    chance = random.Random(seed)
    weights = list(accumulate(1.0 / rank for rank in range(1, len(videos) + 1)))
    number = 0
    while number < num_events:
        video_id = chance.choices(videos, cum_weights=weights)[0]
        for kind in _visit(chance):
            event = _event(chance, f"e-{seed}-{number}", video_id, kind, now_unix_seconds)
            for _ in range(2 if chance.random() < _DUPLICATE_SHARE else 1):
                if number < num_events:
                    yield event
                    number += 1


def publish_events(settings: Settings, events: Iterable[EngagementEvent]) -> None:
    """Publish events; return when all are confirmed. Raises BrokerUnavailable."""
    publish_confirmed(settings, _records(settings, events), overrides={"batch.size": _BATCH_BYTES})


def _records(settings: Settings, events: Iterable[EngagementEvent]) -> Iterator[OutgoingRecord]:
    topic = settings.topic_prefix + ENGAGEMENT.name
    now_unix_seconds = time.time()
    for event in events:
        headers = event_headers(
            event, event_id=event.event_id, source="/vidsignal/engagement", now_unix_seconds=now_unix_seconds
        )
        yield OutgoingRecord(topic, event.video_id, encode(event), headers)


def _visit(chance: random.Random) -> Iterator[EngagementKind]:
    yield "impression"
    fate = chance.random()
    if fate > 0.5:
        yield "skip" if fate > 0.6 else "not-interested" if fate > 0.595 else "impression"
        return
    yield "view"
    for kind, share in _AFTER_VIEW:
        if chance.random() < share:
            yield kind


def _event(
    chance: random.Random, event_id: str, video_id: str, kind: EngagementKind, now_unix_seconds: float
) -> EngagementEvent:
    late_seconds = chance.uniform(0.0, _LATEST_SECONDS if chance.random() < _LATE_SHARE else 60.0)
    return EngagementEvent(
        event_id=event_id,
        video_id=video_id,
        kind=kind,
        event_unix_seconds=round(now_unix_seconds - late_seconds, 3),
        watch_seconds=round(chance.expovariate(1 / 15), 2) if kind == "view" else None,
    )
