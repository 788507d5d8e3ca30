"""Reading one video, as any service would: what `streams.store.keys` promises to readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.engagement import Engagement
from schemas.evidence import Embedding, Feature
from schemas.outcomes import Verdict
from schemas.warnings import EventWarning
from streams.store.keys import Keys
from streams.store.reading import ReadsStore


@dataclass(frozen=True, slots=True)
class VideoReading:
    """What Redis serves about a video, all of one moment."""

    status: Mapping[str, str]
    """Fields of the status hash; `status` is pending, provisional or final."""
    verdict: Verdict | None
    """None between intake and the first outcome."""
    features: Mapping[str, Feature]
    embeddings: Mapping[str, Embedding]
    """By space."""
    engagement: Engagement | None
    """What people did so far, fresher than the feature record; None where nobody did anything."""

    @property
    def warnings(self) -> tuple[EventWarning, ...]:
        """What is likely a mistake in the upload, by the status."""
        found = self.status.get("warnings")
        return msgspec.json.decode(found, type=tuple[EventWarning, ...]) if found else ()


async def read_video(redis: ReadsStore, keys: Keys, video_id: str) -> VideoReading | None:
    """Read a video in one round trip; None where nobody uploaded it."""
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.hgetall(keys.status(video_id))
        pipeline.get(keys.verdict(video_id))
        pipeline.hgetall(keys.features(video_id))
        pipeline.hgetall(keys.embeddings(video_id))
        pipeline.get(keys.engagement(video_id))
        status, verdict, features, embeddings, engagement = await pipeline.execute()
    if not status:
        return None
    return VideoReading(
        status={_text(name): _text(value) for name, value in status.items()},
        verdict=msgspec.json.decode(verdict, type=Verdict) if verdict else None,
        features=_decoded(features, Feature),
        embeddings=_decoded(embeddings, Embedding),
        engagement=msgspec.json.decode(engagement, type=Engagement) if engagement else None,
    )


def _decoded(fields: Mapping[Any, Any], kind: Any) -> dict[str, Any]:
    return {_text(name): msgspec.json.decode(value, type=kind) for name, value in fields.items()}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
