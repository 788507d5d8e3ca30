"""The deletion of a video as readers see it: the value of `vs:{<video_id>}:deletion`."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from schemas.codec import encode
from schemas.facts import SourceOffset
from schemas.warnings import EventWarning
from streams.decision.state import VideoState
from streams.store.compression import UnreadableBytes, decoded
from streams.store.keys import Keys
from streams.store.reading import ReadsStore, is_of_another_type


class DeletionReading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last deletion of a video that was carried out; kept as long as the deletion marker."""

    revision: int
    """Highest deleted revision; 0 if a higher revision, uploaded after the deletion, exists."""
    withdrawn_revision: int = 0
    """The highest deleted revision that was known; 0 if there was none."""
    before: SourceOffset | None = None
    """Log position of the last deletion event; None if every one named its revision."""
    warnings: tuple[EventWarning, ...] = ()
    """Probable mistakes in the last deletion event."""


_DECODER = msgspec.json.Decoder(DeletionReading)


def deletion_of(state: VideoState) -> bytes:
    """Return the stored value of a state's last deletion."""
    reading = DeletionReading(
        revision=state.forgotten_revision,
        withdrawn_revision=state.withdrawn_revision,
        before=state.deletions[-1].before if state.deletions else None,
        warnings=state.deletion_warnings,
    )
    return encode(reading)


async def read_deletion(redis: ReadsStore, keys: Keys, video_id: str) -> DeletionReading | None:
    """Return the last deletion that was carried out; None if there was none, or its deletion marker has expired."""
    try:
        value = await redis.get(keys.deletion(video_id))
        return None if value is None else decode_deletion(value)
    except UnreadableBytes:
        return None
    except Exception as error:
        if not is_of_another_type(error):
            raise
        return None


def decode_deletion(value: bytes | str) -> DeletionReading:
    """Decode the stored value. Raises UnreadableBytes."""
    return decoded(_DECODER, value)
