"""Near-duplicates of a video in the store: candidates by shared pictures and by embedding, compared by their hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING, Any, Final

import msgspec

from schemas.evidence import Embedding, Feature
from streams.similarity.alignment import MatchedTimes
from streams.similarity.near_duplicates import FrameSimilarity, frame_similarity, times_of
from streams.similarity.picture_index import PictureIndex
from streams.similarity.query import (
    MOST_NEIGHBOURS,
    PICTURE_SPACE,
    Filters,
    InvalidQuery,
    Neighbour,
    matches,
    parsed_attributes,
    similar,
)
from streams.similarity.video_hashes import PARTS, WHOLES, VideoHashes, video_hashes
from streams.store.keys import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

NUM_NEAREST: Final = 100
"""Number of nearest videos by embedding that are compared: crops and captions are among them."""
NUM_SHARING: Final = 100
"""Number of videos that share a picture that are compared: excerpts, longer videos and pictures in the picture."""


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """A video that counts as a copy, or is a candidate, and why."""

    neighbour: Neighbour
    frame_similarity: FrameSimilarity
    found_by: str
    """`hash`, `hash and embedding` or `embedding`; `candidate` if only the embedding is, and not enough."""
    times: MatchedTimes | None
    """Where the same pictures are, first in the video in question, then in this one; None if no hash matches."""


@dataclass(frozen=True, slots=True)
class _ComparedVideo:
    """What is compared of one video."""

    hashes: VideoHashes
    embedding: tuple[float, ...]


async def near_duplicates(
    redis: Redis, keys: Keys, video_id: str, *, count: int = 10, filters: Filters | None = None
) -> list[NearDuplicate]:
    """Return copies of a video, the most certain first, then candidates.

    Raises:
        InvalidQuery, UnknownSpace, UnknownVideo, NotInSpace: as `streams.similarity.query.similar`.
    """
    if not 1 <= count <= MOST_NEIGHBOURS:
        raise InvalidQuery(f"count is {count}; 1 to {MOST_NEIGHBOURS} are allowed")
    nearest = await similar(redis, keys, video_id, count=max(count, NUM_NEAREST), filters=filters)
    (own,) = await _stored(redis, keys, [video_id])
    sharing = await PictureIndex(redis, keys).sharing(own.hashes, NUM_SHARING)
    near = {neighbour.video_id: neighbour.attributes for neighbour in nearest}
    others = [each for each in sharing if each != video_id and each not in near]
    attributes = near | await _allowed(redis, keys, others, filters or Filters())
    stored = await _stored(redis, keys, list(attributes))
    found = [
        _compared(own, other, Neighbour(name, _cosine(own.embedding, other.embedding), said))
        for (name, said), other in zip(attributes.items(), stored, strict=True)
        if other.embedding  # a deleted video has none, whatever an index still says
    ]
    return sorted((each for each in found if each is not None), key=_uncertainty)[:count]


def _compared(own: _ComparedVideo, other: _ComparedVideo, neighbour: Neighbour) -> NearDuplicate | None:
    similarity = frame_similarity(own.hashes, other.hashes, neighbour.cosine)
    if not (similarity.is_near_duplicate or similarity.is_candidate):
        return None
    times = times_of(own.hashes, other.hashes, similarity)
    return NearDuplicate(neighbour, similarity, similarity.found_by or "candidate", times)


def _uncertainty(found: NearDuplicate) -> tuple[bool, float, float]:
    similarity = found.frame_similarity
    return similarity.is_candidate, -similarity.matched_ratio, -similarity.cosine


async def _allowed(
    redis: Redis, keys: Keys, video_ids: Sequence[str], filters: Filters
) -> dict[str, Mapping[str, Any]]:
    """Return the attributes of those of some videos that the filters let pass; a video without a vector is left
    out."""
    async with redis.pipeline(transaction=False) as pipeline:
        for video_id in video_ids:
            pipeline.execute_command("VGETATTR", keys.space(PICTURE_SPACE), video_id)
        found = [parsed_attributes(answer) for answer in await pipeline.execute()]
    return {
        video_id: attributes
        for video_id, attributes in zip(video_ids, found, strict=True)
        if attributes and matches(filters, attributes)
    }


async def _stored(redis: Redis, keys: Keys, video_ids: Sequence[str]) -> list[_ComparedVideo]:
    async with redis.pipeline(transaction=False) as pipeline:
        for video_id in video_ids:
            pipeline.hmget(keys.features(video_id), WHOLES, PARTS)
            pipeline.hget(keys.embeddings(video_id), PICTURE_SPACE)
        answers = await pipeline.execute()
    return [
        _parsed(texts[0], texts[1], embedding) for texts, embedding in zip(answers[::2], answers[1::2], strict=True)
    ]


def _parsed(wholes: bytes | str | None, parts: bytes | str | None, embedding: bytes | str | None) -> _ComparedVideo:
    texts = {WHOLES: wholes, PARTS: parts}
    features: dict[str, Any] = {name: msgspec.json.decode(text, type=Feature) for name, text in texts.items() if text}
    vector = msgspec.json.decode(embedding, type=Embedding).unpack() if embedding else ()
    return _ComparedVideo(video_hashes(features), vector)


def _cosine(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the cosine of two vectors; 0 if either is missing, or has another length."""
    lengths = hypot(*first) * hypot(*second)
    if len(first) != len(second) or not lengths:
        return 0.0
    return sum(one * other for one, other in zip(first, second, strict=True)) / lengths
