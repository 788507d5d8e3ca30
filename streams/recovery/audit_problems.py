"""What an audit finds wrong with one video: log, store and topics compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from schemas.outcomes import Version
from streams.recovery.rebuilt import Rebuilt, place_of
from streams.store.served import Served
from streams.store.stored_case import StoredVideo, spell

Problem = Literal[
    "store-behind",  # the log has more facts of the video than the store, and did when the store was last written
    "store-differs",  # the store differs from the facts up to the same position
    "published-differs",  # the published outcome is not the result of the facts
    "served-differs",  # what readers see in Redis is not the stored outcome
    "vectors-differ",  # the same for the vector sets
    "topic-stale",  # the last record of a compacted topic is not the stored outcome
    "not-withdrawn",  # a deleted video has a value in a compacted topic
    "not-foldable",  # its facts cannot be folded: a newer release wrote some of them, or the fold fails
]


def worst_problem(video: Rebuilt, served: Served, last: Sequence[Version | None]) -> tuple[Problem, str] | None:
    """Return the most serious problem and its description."""
    stored = served.case
    if video.is_ahead_of(stored):
        return "store-behind", f"the log reaches offset {video.state.applied_offset}"
    if differing := video.differences(stored):
        return "store-differs", f"the facts say otherwise of: {', '.join(differing)}"
    if can_be_decided_again(video, stored):
        return "published-differs", f"{_spell(video.contradicted)} is not what the facts say"
    if stored.is_in_gap:
        return None  # what is served and published is the interim outcome, or nothing if a deletion waits
    # While facts wait, superseded values may be anywhere.
    if stored.state is not None and place_of(stored.state) >= video.place and (problem := _stale(stored, last)):
        return problem
    if differing := served.differences():
        return "served-differs", f"not what was decided: {', '.join(differing)}"
    return None


def can_be_decided_again(video: Rebuilt, stored: StoredVideo) -> bool:
    """Return whether readers keep a wrong outcome, and the store has what the correct one must be made of."""
    is_level = stored.state is not None and place_of(stored.state) == video.place and not video.differences(stored)
    return video.is_outdone and is_level and video.state.status != "pending"


def _stale(stored: StoredVideo, last: Sequence[Version | None]) -> tuple[Problem, str] | None:
    if stored.forgotten_version is not None:
        alive = [version for version in last if version is not None]
        return ("not-withdrawn", f"the last record is {_spell(alive[0])}") if alive else None
    if stored.outcome is None:
        return None
    differing = [version for version in last if version != stored.outcome.version]
    if not differing:
        return None
    return "topic-stale", f"the last record is {_spell(differing[0])}, the store has {_spell(stored.outcome.version)}"


def _spell(version: Version | None) -> str:
    return "a tombstone" if version is None else spell(version)
