"""Claims: the bytes of a signal as first computed, so that a replay publishes those and not others.

Batch composition and reduced precision change low bits, so equality of replays comes from here and not from arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from streams.store.keys import Keys
from streams.store.packing import pack, unpack
from streams.store.scripts import script_text


@dataclass(frozen=True, slots=True)
class Prior:
    """What the store knows about a signal that is to be made."""

    claimed: bytes | None
    """Its bytes, where it was made before."""
    newest_revision: int
    """Of the video, as far as intake has seen; 0 where it has not seen any."""
    forgotten_revision: int = 0
    """Signals up to this revision are refused; 0 where nothing is forgotten."""


class Claims:
    """Claimed signals of all videos.

    Args:
        redis: answers in bytes.
        keys: names under the stack's prefix.
        ttl_seconds: how long a video's claims are kept after the last of them was met.
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
            pipeline.hmget(self._keys.claims(video_id), list(signal_ids))
            pipeline.hget(self._keys.status(video_id), "revision")
            pipeline.get(self._keys.guard(video_id))
            stored, revision, guard = await pipeline.execute()
        return Prior(
            claimed=next((unpack(value) for value in stored if value is not None), None),
            newest_revision=int(revision or 0),
            forgotten_revision=int(guard or 0),
        )

    async def claim(self, video_id: str, signal_id: str, value: bytes, *, revision: int) -> bytes | None:
        """Store `value` if the id is free; return what is stored, which is what has to be published.

        None where the revision is forgotten: nothing is stored, and nothing may be published.
        """
        keys = [self._keys.claims(video_id), self._keys.guard(video_id)]
        stored: bytes | None = await self._claim(keys=keys, args=[signal_id, pack(value), self._ttl_seconds, revision])
        return None if stored is None else unpack(stored)
