"""A video's state and outcome, decoded from the fields of its hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from redis.exceptions import ResponseError

from schemas.outcomes import Outcome, Version
from streams.decision.state import VideoState
from streams.store.compression import UnreadableBytes, decoded, unpack
from streams.store.stored_outcome import from_stored

CASE_FIELDS: Final = ("state", "outcome", "outcome_version", "published_version", "log_generation", "applied_offset")
"""Fields of the hash, in the order in which `stored_case` takes them."""
_STATE_DECODER: Final = msgspec.json.Decoder(VideoState)


class UnreadableState(Exception):
    """The stored state of the video cannot be decoded: it must be refolded from the log."""


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """What the store knows of a video."""

    state: VideoState | None = None
    outcome: Outcome | None = None
    is_published: bool = False
    """Whether the broker has the outcome, or the deletion's tombstones, in both topics."""
    is_in_gap: bool = False
    """Whether facts of the video wait, so that nothing may be folded; see `streams.store.gaps`."""
    is_withdrawn: bool = False
    """Whether its deletion is among them: nothing that is stored may be said any more."""
    is_suspect: bool = False
    """Whether a process died while it folded the fact for which the video was read; see `streams.store.fold_deaths`."""

    @property
    def forgotten_version(self) -> Version | None:
        """Version of the deletion; None if the video is not deleted."""
        return self.state.version if self.state and self.state.is_forgotten else None


def stored_case(video_id: str, fields: list[Any] | ResponseError) -> StoredVideo:
    """Decode the fields of a video's hash, or raise for an error in their place. Raises UnreadableState."""
    if isinstance(fields, ResponseError):
        raise UnreadableState(f"the state of {video_id!r} is of another type: {fields}")
    try:
        return _case_of(fields)
    except UnreadableBytes as error:
        raise UnreadableState(f"the state of {video_id!r} cannot be read: {error}") from error


def decode_state(stored: bytes) -> VideoState:
    """Decode a compressed state. Raises UnreadableBytes."""
    return decoded(_STATE_DECODER, unpack(stored))


def position_of(state: VideoState) -> tuple[int, int]:
    """Return how far the log is folded into a state: log epoch and offset."""
    return state.log_generation, state.applied_offset


def spell(version: Version) -> str:
    """Return a version as text: revision, log epoch, offset."""
    return f"{version.revision}.{version.generation}.{version.offset}"


def _case_of(fields: list[Any]) -> StoredVideo:
    state, outcome, version, published, *place = fields
    known = decode_state(state) if state else None
    wanted = [None, None] if known is None else [str(number).encode() for number in position_of(known)]
    if place != wanted:
        # Otherwise every compare-and-set would fail forever.
        raise UnreadableBytes(f"it stands at {wanted} of the log and its fields say {place}")
    case = StoredVideo(
        state=known,
        outcome=from_stored(outcome, known) if outcome else None,
        is_published=version is not None and version == published,
    )
    said = case.outcome.version if case.outcome else case.forgotten_version
    if said is not None and version != spell(said).encode():
        raise UnreadableBytes(f"the version of its outcome is {spell(said)} and its field says {version!r}")
    return case
