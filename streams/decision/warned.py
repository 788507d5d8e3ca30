"""Warnings that need the log of a video: about an event that does not match earlier ones of the video.

They are kept with the current revision, or with the last deletion. They change no outcome and make none.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from schemas.facts import Accepted, Deleted, Fact
from schemas.warnings import EventWarning, WarningKind, joined_warnings
from streams.decision.state import VideoState

KINDS_OF_THE_LOG: Final[tuple[WarningKind, ...]] = ("other-content", "lower-revision", "unknown-video")
"""Kinds that are found here and not in the event itself."""


def with_warnings(state: VideoState, fact: Fact) -> VideoState:
    """Return the state with the warnings of a fact that does not start a revision; the same object without warnings."""
    if isinstance(fact, Deleted):
        return replace(state, deletion_warnings=(*fact.warnings, *_of_unknown(state)))
    if not isinstance(fact, Accepted) or state.accepted is None or fact.revision > state.revision:
        return state
    found = joined_warnings(state.accepted.warnings, (*fact.warnings, *_of_repetition(state.accepted, fact)))
    return replace(state, accepted=replace(state.accepted, warnings=found))


def _of_unknown(state: VideoState) -> tuple[EventWarning, ...]:
    if state.revision > 0 or state.waiting:
        return ()
    message = (
        "a deletion came for an id of which nothing was known; compare it with the id of the upload, letter by letter."
        " Revisions up to the deleted one that are uploaded later are refused"
    )
    return (EventWarning(kind="unknown-video", message=message, field="video_id"),)


def _of_repetition(known: Accepted, fact: Accepted) -> tuple[EventWarning, ...]:
    if fact.revision < known.revision:
        return (_lower(known, fact),)
    if known.content is None or fact.content is None or known.content == fact.content:
        return ()
    return (_other_content(known),)


def _lower(known: Accepted, fact: Accepted) -> EventWarning:
    message = (
        f"revision {fact.revision} came while revision {known.revision} was known, and changed nothing;"
        f" publish changes under a revision above {known.revision}"
    )
    return EventWarning(kind="lower-revision", message=message, field="revision")


def _other_content(known: Accepted) -> EventWarning:
    message = (
        f"revision {known.revision} came again with other content, which was not analysed: what was accepted first"
        f" stands; publish changed media or text under revision {known.revision + 1}"
    )
    return EventWarning(kind="other-content", message=message, field="revision")
