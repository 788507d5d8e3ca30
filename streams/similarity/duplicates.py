"""Near-duplicates of a video in the store: candidates by embedding, compared by the hashes of their frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from redis.asyncio import Redis

from schemas.evidence import Feature
from streams.similarity.near_duplicates import FrameSimilarity, frame_similarity, usable_hashes
from streams.similarity.query import Filters, Neighbour, similar
from streams.store.keys import Keys

NUM_CANDIDATES: Final = 100
"""Number of nearest videos whose hashes are compared; a copy that is not among them is not found."""

_HASHES: Final = "visual.perceptual_hashes"


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """A video that counts as a copy, and why."""

    neighbour: Neighbour
    frame_similarity: FrameSimilarity


async def near_duplicates(
    redis: Redis, keys: Keys, video_id: str, *, count: int = 10, filters: Filters | None = None
) -> list[NearDuplicate]:
    """Return copies of a video, the most certain first.

    Raises:
        InvalidQuery, UnknownSpace, UnknownVideo, NotInSpace: as `streams.similarity.query.similar`.
    """
    neighbours = await similar(redis, keys, video_id, count=max(count, NUM_CANDIDATES), filters=filters)
    own, *others = await _hashes(redis, keys, [video_id, *(neighbour.video_id for neighbour in neighbours)])
    compared = [
        NearDuplicate(neighbour, frame_similarity(own, hashes, neighbour.cosine))
        for neighbour, hashes in zip(neighbours, others, strict=True)
    ]
    found = [each for each in compared if each.frame_similarity.is_near_duplicate]
    return sorted(found, key=lambda each: (-each.frame_similarity.matched_ratio, -each.frame_similarity.cosine))[:count]


async def _hashes(redis: Redis, keys: Keys, video_ids: Sequence[str]) -> list[tuple[int, ...]]:
    async with redis.pipeline(transaction=False) as pipeline:
        for video_id in video_ids:
            pipeline.hget(keys.features(video_id), _HASHES)
        answers = await pipeline.execute()
    return [usable_hashes({_HASHES: msgspec.json.decode(text, type=Feature)} if text else {}) for text in answers]
