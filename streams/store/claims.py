"""Claims: the first computed bytes of a signal, so that a replay publishes the same bytes.

Batch composition and reduced precision change low bits, so equal replays result from the claim and not from arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from schemas.codec import decode_fact
from schemas.errors import InvalidEvent
from schemas.evidence import TextFound
from schemas.identity import Modality
from streams.store.compression import UnreadableBytes, pack, unpack
from streams.store.key_repair import DELETION_MARKER, HASH, is_of_a_key, repaired, tell_removed
from streams.store.keys import Keys
from streams.store.recognised_texts import TEXT_KEYS, kept_texts
from streams.store.scripts import script_text


@dataclass(frozen=True, slots=True)
class Prior:
    """What the store knows about a signal before it is computed."""

    claimed: bytes | None
    """Its bytes, if it was computed before."""
    newest_revision: int
    """Newest revision of the video that intake accepted; 0 if none."""
    forgotten_revision: int = 0
    """Signals up to this revision are rejected; 0 if nothing is deleted."""


class Claims:
    """Claimed signals of all videos.

    Args:
        redis: answers in bytes.
        keys: names under the stack's prefix.
        ttl_seconds: how long a video's claims are kept after the last access.
        text_retention_seconds: how long recognised text is kept with them; 0: not at all.
    """

    def __init__(self, redis: Redis, keys: Keys, ttl_seconds: float, text_retention_seconds: int = 0) -> None:
        self._redis = redis
        self._keys = keys
        self._ttl_seconds = int(ttl_seconds)
        self._text_retention_seconds = text_retention_seconds
        self._claim = redis.register_script(script_text("claim"))

    async def look_up(self, video_id: str, signal_ids: tuple[str, ...]) -> Prior:
        """Return what is known before work on a signal starts, in one round trip.

        Args:
            video_id: of the signal.
            signal_ids: possible names of its claim, the preferred one first.
        """
        keys = self._broken_ones(video_id)
        stored, revision, deletion_marker = await repaired(self._redis, keys, lambda: self._found(video_id, signal_ids))
        return Prior(
            claimed=await self._first_readable(video_id, signal_ids, stored),
            newest_revision=_number(revision),
            forgotten_revision=_number(deletion_marker),
        )

    async def _found(self, video_id: str, signal_ids: tuple[str, ...]) -> Any:
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hmget(self._keys.claims(video_id), list(signal_ids))
            pipeline.hget(self._keys.status(video_id), "revision")
            pipeline.get(self._keys.deletion_marker(video_id))
            stored, revision, deletion_marker = await pipeline.execute(raise_on_error=False)
        for answer in (stored, deletion_marker):
            if isinstance(answer, ResponseError):
                raise answer
        return stored, _unless_of_another_type(revision), deletion_marker

    async def _first_readable(
        self, video_id: str, signal_ids: tuple[str, ...], stored: Sequence[bytes | None]
    ) -> bytes | None:
        """Return the first claim that can be read; an unreadable one is removed, and the signal is computed again."""
        for signal_id, value in zip(signal_ids, stored, strict=True):
            claimed = None if value is None else await self._unpacked(video_id, signal_id, value)
            if claimed is not None:
                return claimed
        return None

    async def _unpacked(self, video_id: str, signal_id: str, value: bytes) -> bytes | None:
        try:
            claimed = unpack(value)
            if value.startswith(b"{"):  # only the first byte shows that this product wrote it
                decode_fact(claimed)
        except (UnreadableBytes, InvalidEvent) as error:
            key = self._keys.claims(video_id)
            tell_removed([key], f"claim {signal_id} cannot be read: {error}")
            await self._redis.hdel(key, signal_id, f"#{signal_id}")
            return None
        return claimed

    async def claim(
        self,
        video_id: str,
        signal_id: str,
        value: bytes,
        *,
        revision: int,
        modality: Modality | None = None,
        texts: Sequence[TextFound] = (),
    ) -> bytes | None:
        """Store `value` if the id is free; return the stored bytes, which must be published.

        The modality's recognised texts are stored or dropped with it, see `streams.store.recognised_texts`.

        Returns None if the revision is deleted or no longer the newest: nothing is stored, nothing may be published.
        """
        names = (self._keys.claims, self._keys.deletion_marker, self._keys.status)
        keys = [name(video_id) for name in names]
        keys += [TEXT_KEYS[modality](self._keys, video_id)] if modality in TEXT_KEYS else []
        kept = kept_texts(revision, texts, self._text_retention_seconds)
        arguments: list[Any] = [signal_id, pack(value), self._ttl_seconds, revision, kept, self._text_retention_seconds]
        while True:
            stored: bytes | None = await repaired(
                self._redis, self._broken_ones(video_id), lambda: self._claim(keys=keys, args=arguments)
            )
            if stored is None:
                return None
            claimed = await self._unpacked(video_id, signal_id, stored)
            if claimed is not None:
                return claimed

    def _broken_ones(self, video_id: str) -> dict[str, str]:
        keys = self._keys
        return {keys.claims(video_id): HASH, keys.deletion_marker(video_id): DELETION_MARKER}


def _unless_of_another_type(answer: Any) -> Any:
    """Return None for a key of another type: intake repairs the status, and without a revision nothing supersedes the
    signal."""
    if isinstance(answer, ResponseError):
        if not is_of_a_key(answer):
            raise answer
        return None
    return answer


def _number(value: bytes | str | None) -> int:
    """Return a revision; 0 for an invalid value, which the next writer replaces."""
    return int(value) if value is not None and value.isdigit() else 0
