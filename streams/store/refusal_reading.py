"""What a sender may know of a refusal: the values of `vs:{<video_id>}:refusals`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas.facts import SourceOffset
from streams.store.keys import Keys
from streams.store.reading import ReadsStore, is_of_another_type

MOST_REFUSALS: Final = 5
"""Of one video; the oldest makes room."""


class Refusal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event of the uploads that was given up; it changed nothing of what is known of its video."""

    dead_letter_id: str
    cause: str
    """The word that stands in the dead letter, in failed signals and in metrics."""
    message: str
    """What was found, cut short; no control character, and nothing that changes the direction of text."""
    advice: str
    """What to do about it."""
    role: str
    """Who refused: there is no case of what `intake` refuses; what `media` or `backfill` do is in the verdict, too."""
    revision: int | None = None
    """As far as it could be read."""
    upload: SourceOffset
    """Place of the event, as the broker confirmed it to the sender; where it was sent again, of its original."""
    letter: SourceOffset | None = None
    """Place of the dead letter, which holds the event whole."""
    refused_unix_seconds: float


_DECODER = msgspec.json.Decoder(Refusal)


async def read_refusals(redis: ReadsStore, keys: Keys, video_id: str) -> tuple[Refusal, ...]:
    """The last refusals of a video, oldest first; empty where there were none, or their time is over."""
    try:
        return decode_refusals(await redis.hgetall(keys.refusals(video_id)))
    except Exception as error:
        if not is_of_another_type(error):
            raise
        return ()


def decode_refusals(fields: Mapping[Any, bytes | str]) -> tuple[Refusal, ...]:
    """Read them as they are stored, by the ids of their dead letters; oldest first."""
    found = (_refusal(value) for value in fields.values())
    return tuple(sorted((refusal for refusal in found if refusal is not None), key=_age))


def _refusal(value: bytes | str) -> Refusal | None:
    """One refusal; None for what is none, which nobody can be told of."""
    try:
        return _DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _age(refusal: Refusal) -> tuple[float, str]:
    return refusal.refused_unix_seconds, refusal.dead_letter_id
