"""Refusals as senders see them: the values of `vs:{<video_id>}:refusals`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas.facts import SourceOffset
from streams.store.keys import Keys
from streams.store.reading import ReadsStore, is_of_another_type

MOST_REFUSALS: Final = 5
"""Maximum number of refusals of one video; a new one replaces the oldest."""


class Refusal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An upload event that was given up; it changed nothing else of its video."""

    dead_letter_id: str
    cause: str
    """The same word as in the dead letter, in failed signals and in metrics."""
    message: str
    """What was found; shortened, without control characters or characters that change text direction."""
    advice: str
    """What to do about it."""
    role: str
    """The role that refused: `intake` did not accept the upload; a refusal by `media` or `backfill` is in the verdict,
    too."""
    revision: int | None = None
    """If it could be read."""
    upload: SourceOffset
    """Log position of the event, as the broker confirmed it to the sender; for an event that was sent again, of its
    original."""
    letter: SourceOffset | None = None
    """Log position of the dead letter, which contains the complete event."""
    refused_unix_seconds: float


_DECODER = msgspec.json.Decoder(Refusal)


async def read_refusals(redis: ReadsStore, keys: Keys, video_id: str) -> tuple[Refusal, ...]:
    """Return the last refusals of a video, oldest first; empty if there were none or they have expired."""
    try:
        return decode_refusals(await redis.hgetall(keys.refusals(video_id)))
    except Exception as error:
        if not is_of_another_type(error):
            raise
        return ()


def decode_refusals(fields: Mapping[Any, bytes | str]) -> tuple[Refusal, ...]:
    """Decode stored refusals by the ids of their dead letters; oldest first."""
    found = (_refusal(value) for value in fields.values())
    return tuple(sorted((refusal for refusal in found if refusal is not None), key=_age))


def _refusal(value: bytes | str) -> Refusal | None:
    """Decode one refusal; None if it is invalid."""
    try:
        return _DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _age(refusal: Refusal) -> tuple[float, str]:
    return refusal.refused_unix_seconds, refusal.dead_letter_id
