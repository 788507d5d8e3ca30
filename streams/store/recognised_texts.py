"""The one place where recognised text is kept: what a video says and what its pictures show, if a setting asks for it.

Neither the log nor the verdict holds such text; an analysis hands it to the claim of its signal, and the claim's script
stores it for `recognised_text_retention_seconds`, or drops it. A deletion of the video takes it along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from schemas.codec import encode
from schemas.evidence import TextFound
from schemas.identity import Modality, Revision
from streams.store.keys import Keys
from streams.store.reading import ReadsStore, is_of_another_type

TEXT_KEYS: Final[dict[Modality, Callable[[Keys, str], str]]] = {
    "frames": Keys.picture_text,
    "audio": Keys.speech_text,
}
"""Key of the text that each modality may recognise; other modalities recognise none."""


class RecognisedTexts(Struct, frozen=True, kw_only=True):
    """The value of such a key."""

    revision: Revision
    texts: tuple[TextFound, ...]


def kept_texts(revision: int, texts: Sequence[TextFound], retention_seconds: int) -> bytes:
    """Return what is stored of recognised texts: nothing without a text, or if the retention time is 0."""
    if not texts or not retention_seconds:
        return b""
    return encode(RecognisedTexts(revision=revision, texts=tuple(texts)))


async def read_texts(redis: ReadsStore, keys: Keys, video_id: str) -> tuple[TextFound, ...]:
    """Return the stored texts of a video, in order of time; empty if none is kept, or a value cannot be read."""
    found = [await _read(redis, key(keys, video_id)) for key in TEXT_KEYS.values()]
    return tuple(sorted((text for texts in found for text in texts), key=lambda text: text.start_seconds))


async def _read(redis: ReadsStore, key: str) -> tuple[TextFound, ...]:
    try:
        value = await redis.get(key)
    except Exception as error:
        if not is_of_another_type(error):
            raise
        return ()
    try:
        return msgspec.json.decode(value, type=RecognisedTexts).texts if value else ()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()
