"""What is correct of one video: the result of its facts, or what was published if facts are gone from the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from schemas.outcomes import Outcome, Version
from streams.decision.differences import outcome_differences, state_differences
from streams.decision.state import VideoState
from streams.store.stored_case import StoredVideo

_CLOCKS_APART_SECONDS: Final = 3_600.0
"""Maximum difference between the clocks of producers, workers and brokers; uploads closer to the start of the log are
not considered complete."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One video as it is written to the store."""

    state: VideoState
    outcome: Outcome | None
    is_published: bool
    """Whether both topics have it; otherwise the next delivery of its facts publishes it."""
    is_whole: bool = True
    """Whether the log contains every fact of the current revision."""
    contradicted: Version | None = None
    """Version of the published outcome if it is not the result of its facts."""
    needed_offset: int | None = field(default=None, compare=False)
    """Offset of the last record that a store must have folded, if known."""

    @property
    def is_sealed(self) -> bool:
        """Whether the facts behind the outcome are gone."""
        return self.state.sealed_revision > 0

    @property
    def place(self) -> tuple[int, int]:
        """Log epoch and offset of the last record."""
        return self.state.log_generation, self.state.applied_offset

    @property
    def is_outdone(self) -> bool:
        """Whether readers keep a wrong published outcome, because its version is not lower than the correct one's."""
        return self.contradicted is not None and self.outcome is not None and self.contradicted >= self.outcome.version

    def is_ahead_of(self, stored: StoredVideo) -> bool:
        """Return whether a store lacks what it must contain."""
        if self.needed_offset is None:
            return False
        needed = (self.state.log_generation, self.needed_offset)
        return stored.state is None or place_of(stored.state) < needed

    def differences(self, stored: StoredVideo) -> list[str]:
        """Return the parts of a store that differ at the same log position; none if unknown."""
        if stored.state is None or place_of(stored.state) != self.place or self.is_sealed:
            return []
        is_known = self.is_whole or self.state.is_forgotten
        found = state_differences(self.state, stored.state) if is_known else []
        return [*found, *self._outcome_differences(stored.outcome, is_known=is_known)]

    def _outcome_differences(self, stored: Outcome | None, *, is_known: bool) -> list[str]:
        if self.outcome is None or stored is None:
            return ["outcome"] if is_known and self.outcome is not stored else []
        if self.outcome.version != stored.version:
            return ["version"] if is_known else []
        return outcome_differences(self.outcome, stored) if is_known or self.is_published else []


@dataclass
class RefoldedVideo:
    """One video while its log is read."""

    published: Outcome | None
    state: VideoState | None = None
    outcome: Outcome | None = None
    at_published: Outcome | None = None
    """The refolded outcome at the published version."""
    needed_offset: int | None = None


@dataclass(frozen=True, slots=True)
class LogBegin:
    """Start of the log."""

    offset: int
    unix_seconds: float


def place_of(state: VideoState) -> tuple[int, int]:
    """Return the log epoch and offset of the last record in a state."""
    return state.log_generation, state.applied_offset


def rebuilt_of(video: RefoldedVideo, begin: LogBegin) -> Rebuilt | None:
    """Combine the fold of a video's facts with what was published; None without either."""
    state, outcome, published = video.state, video.outcome, video.published
    is_whole = _is_whole(video, begin)
    needed_offset = _needed_offset(video)
    if state is not None and state.is_forgotten and _is_withdrawn(state, published):
        forgotten = _without(state, published)
        return Rebuilt(forgotten, None, is_published=False, is_whole=is_whole, needed_offset=needed_offset)
    if published is None:
        if state is None:
            return None
        return Rebuilt(state, outcome, is_published=False, is_whole=is_whole, needed_offset=needed_offset)
    if state is not None and outcome is not None and _bears_out(video, outcome, published):
        if outcome.version == published.version:
            # The policy may have changed since; the published outcome counts.
            return Rebuilt(state, published, is_published=True, is_whole=is_whole, needed_offset=needed_offset)
        return Rebuilt(state, outcome, is_published=False, is_whole=is_whole, needed_offset=needed_offset)
    if state is not None and outcome is not None and is_whole and _is_comparable(state, published.version):
        return Rebuilt(state, outcome, is_published=False, contradicted=published.version, needed_offset=needed_offset)
    sealed = _sealed(state, published.version)
    return Rebuilt(sealed, published, is_published=True, is_whole=False, needed_offset=needed_offset)


def _is_withdrawn(state: VideoState, published: Outcome | None) -> bool:
    if published is None or published.version.revision <= state.forgotten_revision:
        return True
    # Its facts are gone from the log, and with them the position of its upload: the order of the log decides.
    version = (published.version.generation, published.version.offset)
    return any((deletion.log_generation, deletion.log_offset) > version for deletion in state.deletions)


def _without(state: VideoState, published: Outcome | None) -> VideoState:
    """Return the state of a deleted video, whose log may have lost the withdrawn revision."""
    known_revision = published.version.revision if published else 0
    return replace(
        state,
        forgotten_revision=max(known_revision, state.forgotten_revision),
        withdrawn_revision=max(known_revision, state.withdrawn_revision),
    )


def _is_whole(video: RefoldedVideo, begin: LogBegin) -> bool:
    """Return whether no fact of the current revision can be missing: the log was never truncated, or the upload is
    younger than its start."""
    if begin.offset == 0:
        return True
    accepted, published = (video.state.accepted if video.state else None), video.published
    if accepted is None or accepted.uploaded_unix_seconds <= begin.unix_seconds + _CLOCKS_APART_SECONDS:
        return False
    if published is None or published.version.revision != accepted.revision:
        return True
    # An upload that was sent again has another time, and its first `accepted` may be missing.
    return published.verdict.uploaded_unix_seconds == accepted.uploaded_unix_seconds


def _bears_out(video: RefoldedVideo, outcome: Outcome, published: Outcome) -> bool:
    """Return whether the fold passed the published outcome with the same result, or started a later revision."""
    if outcome.version.revision > published.version.revision:
        return True
    return video.at_published is not None and not outcome_differences(video.at_published, published)


def _is_comparable(state: VideoState, version: Version) -> bool:
    """Return whether the published outcome is of this revision, and its offset one of this log."""
    return (state.revision, state.log_generation) == (version.revision, version.generation)


def _needed_offset(video: RefoldedVideo) -> int | None:
    published, state = video.published, video.state
    known = [] if video.needed_offset is None else [video.needed_offset]
    if published is not None and (state is None or state.log_generation == published.version.generation):
        known.append(published.version.offset)
    return max(known, default=None)


def _sealed(state: VideoState | None, version: Version) -> VideoState:
    waiting = state.waiting if state else {}
    return VideoState(
        log_generation=version.generation,
        applied_offset=max(version.offset, state.applied_offset if state else version.offset),
        waiting={revision: signals for revision, signals in waiting.items() if revision > version.revision},
        version=version,
        sealed_revision=version.revision,
        deletions=state.deletions if state else (),
    )
