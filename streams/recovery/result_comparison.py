"""Results that must be equal however a video was processed: to compare two runs, or topics with the store.

A projection contains results (labels, scores, action, answered modalities, features, embeddings) and leaves out what
may differ between equal runs: times, costs, versions, models' names.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from schemas.evidence import Embedding, Feature
from schemas.identity import Modality
from schemas.outcomes import Action, OutcomeStatus, RecommendationRecord, Verdict, Version
from schemas.topics import MODERATION, RECOMMENDATION
from streams.config.settings import Settings
from streams.kafka.clients import read_to_end
from streams.kafka.unreadable import UnreadableRecords, decoded_record
from streams.store.keys import Keys
from streams.store.readers import read_video

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Projection(Struct, frozen=True, kw_only=True):
    """The comparable part of a video's outcome."""

    revision: int
    status: OutcomeStatus
    action: Action
    scores: dict[str, float]
    """Of the reported labels, by `label by model`."""
    present: tuple[Modality, ...]
    absent: tuple[Modality, ...]
    missing: tuple[Modality, ...]
    failed: dict[Modality, str]
    """Cause by modality."""
    features: dict[str, Any]
    embeddings: dict[str, tuple[float, ...]]


Projections = Mapping[str, Projection]
"""By video id."""


class Tolerances(Struct, frozen=True, kw_only=True):
    """Permitted differences of numbers; cards state the effect of reduced precision."""

    score: float = 1e-4
    feature: float = 1e-4
    """Relative for numbers above 1."""
    embedding: float = 2e-3
    """Of one component; half precision alone causes half of it for components up to 1."""


def project(verdict: Verdict, features: Mapping[str, Feature], embeddings: Mapping[str, Embedding]) -> Projection:
    """Return the comparable part of a video's outcome."""
    states = verdict.modalities
    return Projection(
        revision=verdict.version.revision,
        status=verdict.status,
        action=verdict.action,
        scores={f"{item.label} by {item.model}": item.score for item in verdict.labels},
        present=tuple(sorted(states.present)),
        absent=tuple(sorted(states.absent)),
        missing=tuple(sorted(states.missing)),
        failed={modality: failure.cause for modality, failure in states.failed.items()},
        features={name: feature.value for name, feature in features.items()},
        embeddings={space: embedding.unpack() for space, embedding in embeddings.items()},
    )


def compare(expected: Projections, found: Projections, tolerances: Tolerances | None = None) -> list[str]:
    """Return the differences, one per line; an empty list if there are none."""
    tolerances = tolerances or Tolerances()
    lines: list[str] = []
    for video_id in sorted(expected.keys() | found.keys()):
        if video_id not in found or video_id not in expected:
            lines.append(f"{video_id}: only in {'the first' if video_id in expected else 'the second'}")
        else:
            lines += _differences(video_id, expected[video_id], found[video_id], tolerances)
    return lines


async def read_projection_from_redis(redis: Redis, keys: Keys) -> Projections:
    """Project every video with a verdict in the store. Scans all keys: for tests, audits and benchmarks."""
    projections: dict[str, Projection] = {}
    async for key in redis.scan_iter(match=keys.verdict("*"), count=1000):
        video_id = _video_id(key)
        reading = await read_video(redis, keys, video_id)
        if reading and reading.verdict:
            projections[video_id] = project(reading.verdict, reading.features, reading.embeddings)
    return projections


def read_projection_from_topics(settings: Settings, unreadable: UnreadableRecords | None = None) -> Projections:
    """Project every video of the two compacted topics, as a consumer that keeps the highest version sees it.

    Args:
        settings: address of the topics.
        unreadable: counts skipped records.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    prefix = settings.topic_prefix
    verdicts, features = (
        newest_by_key(
            ((r.key, r.value) for r in read_to_end(settings, [prefix + topic.name])), kind, topic.name, unreadable
        )
        for topic, kind in ((MODERATION, Verdict), (RECOMMENDATION, RecommendationRecord))
    )
    return join_topics(verdicts, features)


def join_topics(verdicts: Mapping[str, Verdict], records: Mapping[str, RecommendationRecord]) -> dict[str, Projection]:
    """Project the videos in both topics; one in a single topic is an interrupted publication."""
    return {
        video_id: project(verdicts[video_id], records[video_id].features, records[video_id].embeddings)
        for video_id in verdicts.keys() & records.keys()
    }


def newest_by_key(
    entries: Iterable[tuple[bytes | None, bytes | None]],
    kind: Any,
    topic: str = "",
    unreadable: UnreadableRecords | None = None,
) -> dict[str, Any]:
    """Keep the highest version of each key, which need not be the last; a tombstone removes the key.

    Args:
        entries: keys and values, oldest first.
        kind: type of the values.
        topic: their topic.
        unreadable: counts values that cannot be read and are skipped.
    """
    decoder = msgspec.json.Decoder(kind)
    newest: dict[str, Any] = {}
    for key, value in entries:
        video_id = (key or b"").decode("utf-8", "replace")
        if value is None:
            newest.pop(video_id, None)
            continue
        event = decoded_record(decoder, topic, key, value, unreadable)
        if event is None:
            continue
        if video_id not in newest or _version(event) > _version(newest[video_id]):
            newest[video_id] = event
    return newest


def _version(event: Verdict | RecommendationRecord) -> Version:
    return event.version


def _video_id(key: bytes | str) -> str:
    text = key.decode() if isinstance(key, bytes) else key
    return text[text.index("{") + 1 : text.rindex("}")]


def _differences(video_id: str, expected: Projection, found: Projection, tolerances: Tolerances) -> list[str]:
    allowed = {"scores": tolerances.score, "features": tolerances.feature, "embeddings": tolerances.embedding}
    lines: list[str] = []
    for name in Projection.__struct_fields__:
        pair = getattr(expected, name), getattr(found, name)
        lines += _apart(f"{video_id}: {name}", *pair, allowed.get(name, 0.0))
    return lines


def _apart(place: str, expected: Any, found: Any, tolerance: float) -> Iterable[str]:
    """Lines for every leaf of two JSON-like values that differs by more than the tolerance."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for key in sorted(expected.keys() | found.keys()):
            yield from _apart(f"{place}[{key!r}]", expected.get(key), found.get(key), tolerance)
    elif isinstance(expected, list | tuple) and isinstance(found, list | tuple) and len(expected) == len(found):
        for index, pair in enumerate(zip(expected, found, strict=True)):
            yield from _apart(f"{place}[{index}]", *pair, tolerance)
    elif not _is_same(expected, found, tolerance):
        yield f"{place} is {found!r}, expected {expected!r}"


def _is_same(expected: Any, found: Any, tolerance: float) -> bool:
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return math.isclose(expected, found, rel_tol=tolerance, abs_tol=tolerance)
    return bool(expected == found)
