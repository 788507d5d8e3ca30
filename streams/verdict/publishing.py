"""Publishes outcomes to the two compacted topics, and withdraws them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from schemas.codec import Headers, event_headers
from schemas.outcomes import Outcome
from schemas.topics import MODERATION, RECOMMENDATION, Topic
from streams.observability.tracing import spans
from streams.store.stored_case import spell

SOURCE = "vidsignal/verdict"
"""CloudEvents source of what the verdict role publishes."""


class EventPublisher(Protocol):
    """Publishes outcomes and deadline facts; see `streams.kafka.publisher`."""

    async def publish(self, topic: Topic, key: str, event: Any, *, headers: Sequence[tuple[str, bytes]] = ()) -> object:
        """Return when the broker has confirmed it; an event of None is a tombstone."""
        ...


async def publish_outcome(publisher: EventPublisher, outcome: Outcome, traceparent: bytes | None) -> None:
    """Publish to both compacted topics; return when both have confirmed."""
    statements = ((MODERATION, outcome.verdict), (RECOMMENDATION, outcome.record))
    await asyncio.gather(*(_send(publisher, topic, outcome, event, traceparent) for topic, event in statements))


async def _send(
    publisher: EventPublisher, topic: Topic, outcome: Outcome, event: Any, traceparent: bytes | None
) -> None:
    video_id = outcome.verdict.video_id
    headers: Headers = event_headers(
        event, event_id=f"{video_id}:{spell(outcome.version)}", source=SOURCE,
        now_unix_seconds=outcome.verdict.decided_unix_seconds, traceparent=traceparent, span=spans.traceparent(),
    )  # fmt: skip
    await publisher.publish(topic, video_id, event, headers=headers)


async def publish_tombstones(publisher: EventPublisher, video_id: str) -> None:
    """Publish tombstones for a video to both compacted topics."""
    await asyncio.gather(*(publisher.publish(topic, video_id, None) for topic in (MODERATION, RECOMMENDATION)))
