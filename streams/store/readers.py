"""Reads one video as any service does, by the keys that `streams.store.keys` documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from schemas.engagement import Engagement
from schemas.evidence import Embedding, Feature
from schemas.outcomes import Verdict
from schemas.warnings import EventWarning
from streams.store.keys import Keys
from streams.store.reading import ReadsStore, is_of_another_type


@dataclass(frozen=True, slots=True)
class VideoReading:
    """What Redis serves about a video, from one consistent read."""

    status: Mapping[str, str]
    """Fields of the status hash; `status` is pending, provisional or final."""
    verdict: Verdict | None
    """None between acceptance and the first outcome."""
    features: Mapping[str, Feature]
    embeddings: Mapping[str, Embedding]
    """By space."""
    engagement: Engagement | None
    """Engagement so far, newer than in the feature record; None without any."""
    unreadable: tuple[str, ...] = ()
    """Keys with foreign content; the next outcome, or `vidsignal audit --repair`, writes them again."""

    @property
    def warnings(self) -> tuple[EventWarning, ...]:
        """Probable mistakes in the upload, from the status."""
        found = self.status.get("warnings")
        return _Reader([]).one("warnings", found, tuple[EventWarning, ...]) or ()


async def read_video(redis: ReadsStore, keys: Keys, video_id: str) -> VideoReading | None:
    """Return a video in one round trip; None if it is unknown. Keys that cannot be read are named, and left out."""
    status, verdict, features, embeddings, engagement = await _found(redis, keys, video_id)
    unreadable = [name for name, found in zip(_PARTS, (status, verdict, features, embeddings, engagement), strict=True)
                  if found is _BROKEN]  # fmt: skip
    if not status:
        return VideoReading({}, None, {}, {}, None, tuple(unreadable)) if unreadable else None
    read = _Reader(unreadable)
    return VideoReading(
        status={} if status is _BROKEN else {_text(name): _text(value) for name, value in status.items()},
        verdict=read.one("verdict", verdict, Verdict),
        features=read.each("features", features, Feature),
        embeddings=read.each("embeddings", embeddings, Embedding),
        engagement=read.one("engagement", engagement, Engagement),
        unreadable=tuple(dict.fromkeys(unreadable)),
    )


_PARTS: Final = ("status", "verdict", "features", "embeddings", "engagement")
_BROKEN: Final = object()


async def _found(redis: ReadsStore, keys: Keys, video_id: str) -> Sequence[Any]:
    try:
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.hgetall(keys.status(video_id))
            pipeline.get(keys.verdict(video_id))
            pipeline.hgetall(keys.features(video_id))
            pipeline.hgetall(keys.embeddings(video_id))
            pipeline.get(keys.engagement(video_id))
            found: Sequence[Any] = await pipeline.execute()
            return found
    except Exception as error:
        if not is_of_another_type(error):
            raise
    hashes, strings = redis.hgetall, redis.get
    return [
        await _one(hashes, keys.status(video_id)),
        await _one(strings, keys.verdict(video_id)),
        await _one(hashes, keys.features(video_id)),
        await _one(hashes, keys.embeddings(video_id)),
        await _one(strings, keys.engagement(video_id)),
    ]


async def _one(read: Callable[[str], Any], key: str) -> Any:
    try:
        return await read(key)
    except Exception as error:
        if not is_of_another_type(error):
            raise
        return _BROKEN


class _Reader:
    """Decodes values, and notes keys that cannot be decoded."""

    def __init__(self, unreadable: list[str]) -> None:
        self._unreadable = unreadable

    def one(self, name: str, value: Any, kind: Any) -> Any:
        if not value or value is _BROKEN:
            return None
        try:
            return msgspec.json.decode(value, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._unreadable.append(name)
            return None

    def each(self, name: str, fields: Any, kind: Any) -> dict[str, Any]:
        if fields is _BROKEN:
            return {}
        found = {_text(field): self.one(name, value, kind) for field, value in fields.items()}
        return {field: value for field, value in found.items() if value is not None}


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
