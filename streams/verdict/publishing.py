"""Saying outcomes on the two compacted topics, and taking them back."""

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
    """Where outcomes and deadline records go; see `streams.kafka.publisher`."""

    async def publish(self, topic: Topic, key: str, event: Any, *, headers: Sequence[tuple[str, bytes]] = ()) -> object:
        """Return when the broker has confirmed it; an event of None is a tombstone."""
        ...


async def publish_outcome(publisher: EventPublisher, outcome: Outcome, traceparent: bytes | None) -> None:
    """Say it on both compacted topics; return when both are confirmed."""
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
    """Take back what both compacted topics say of a video."""
    await asyncio.gather(*(publisher.publish(topic, video_id, None) for topic in (MODERATION, RECOMMENDATION)))
