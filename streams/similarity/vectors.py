"""The vectors of each video, in one Redis vector set an embedding space.

Vectors are kept as 8-bit integers (Q8). Measured on 4000 clustered vectors of 1280 numbers: 2.0 KB each against 5.9 KB
as they come (NOQUANT), 98.8 % of the true ten nearest found against 100 %, cosines off by at most 0.001. The exact
vectors stay in `vs:{<video_id>}:embeddings`.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Final

from redis.asyncio import Redis

from schemas.outcomes import Outcome
from streams.store.keys import Keys

QUANTISATION: Final = "Q8"
_FEATURE_ATTRIBUTES: Final = {
    "language": "context.language",
    "duration_seconds": "visual.duration_seconds",
}


class Vectors:
    """Writes what `streams.similarity.query` reads.

    No write is compared with what stands there. A caller that may race with itself reads the stored outcome after
    writing, and writes again where it is newer.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def replace(self, outcome: Outcome) -> None:
        """Make the vector sets say of a video what its outcome says; may be repeated.

        A vector of zeros has no direction and is like nothing: it is left out.

        Raises:
            redis.exceptions.ResponseError: a vector has another length than those of its space. A model changed and its
                space did not, which a test over the cards prevents.
        """
        video_id = outcome.record.video_id
        blobs = _blobs(outcome)
        gone = await self._known_spaces() - set(blobs)
        attributes = json.dumps(attributes_of(outcome))
        pipeline = self._redis.pipeline(transaction=False)  # sets of a cluster lie on several nodes
        if blobs:
            pipeline.sadd(self._keys.spaces(), *blobs)  # first, so that a removal finds what a crash left
        for space, blob in blobs.items():
            key = self._keys.space(space)
            pipeline.execute_command("VADD", key, "FP32", blob, video_id, QUANTISATION, "SETATTR", attributes)
        for space in gone:
            pipeline.execute_command("VREM", self._keys.space(space), video_id)
        await pipeline.execute()

    async def remove(self, video_id: str) -> None:
        """Take a video out of every space; may be repeated."""
        pipeline = self._redis.pipeline(transaction=False)
        for space in await self._known_spaces():
            pipeline.execute_command("VREM", self._keys.space(space), video_id)
        await pipeline.execute()

    async def _known_spaces(self) -> set[str]:
        return {_text(name) for name in await self._redis.smembers(self._keys.spaces())}


def attributes_of(outcome: Outcome) -> dict[str, Any]:
    """What a query may filter by; what is unknown is left out, and no filter on it matches."""
    verdict, record = outcome.verdict, outcome.record
    found = {
        "market": verdict.market,
        "action": verdict.action,
        "status": verdict.status,
        "creator_id": record.creator_id,
        "uploaded_unix_seconds": record.uploaded_unix_seconds,
        "revision": verdict.version.revision,
        "generation": verdict.version.generation,
        "offset": verdict.version.offset,
        **{name: _value(outcome, feature) for name, feature in _FEATURE_ATTRIBUTES.items()},
    }
    return {name: value for name, value in found.items() if value is not None}


def _value(outcome: Outcome, feature: str) -> Any:
    found = outcome.record.features.get(feature)
    return found.value if found else None


def _blobs(outcome: Outcome) -> dict[str, bytes]:
    """By space, the numbers as `VADD ... FP32` takes them."""
    vectors = {space: embedding.unpack() for space, embedding in outcome.record.embeddings.items()}
    return {space: struct.pack(f"<{len(vector)}f", *vector) for space, vector in vectors.items() if any(vector)}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
