"""Claims: the bytes of a signal as first computed, so that a replay publishes those and not others.

Batch composition and reduced precision change low bits, so equality of replays comes from here and not from arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from streams.store.keys import Keys
from streams.store.scripts import script_text


@dataclass(frozen=True, slots=True)
class Prior:
    """What the store knows about a signal that is to be made."""

    claimed: bytes | None
    """Its bytes, where it was made before."""
    newest_revision: int
    """Of the video, as far as intake has seen; 0 where it has not seen any."""


class Claims:
    """Claimed signals of all videos.

    Args:
        redis: answers in bytes.
        keys: names under the stack's prefix.
        ttl_seconds: how long a claim is kept after it was last met.
    """

    def __init__(self, redis: Redis, keys: Keys, ttl_seconds: float) -> None:
        self._redis = redis
        self._keys = keys
        self._ttl_seconds = int(ttl_seconds)
        self._claim = redis.register_script(script_text("claim"))

    async def look_up(self, video_id: str, signal_ids: tuple[str, ...]) -> Prior:
        """Say what is known before work on a signal begins; one round trip.

        Args:
            video_id: of the signal.
            signal_ids: names that its claim may have, the preferred one first.
        """
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.mget([self._keys.claim(video_id, signal_id) for signal_id in signal_ids])
            pipeline.hget(self._keys.status(video_id), "revision")
            stored, revision = await pipeline.execute()
        return Prior(
            claimed=next((value for value in stored if value is not None), None),
            newest_revision=int(revision or 0),
        )

    async def claim(self, video_id: str, signal_id: str, value: bytes) -> bytes:
        """Store `value` if the id is free; return what is stored, which is what has to be published."""
        key = self._keys.claim(video_id, signal_id)
        stored = await self._claim(keys=[key], args=[value, self._ttl_seconds])
        assert isinstance(stored, bytes)
        return stored
