"""Differences between two states or outcomes of one video, to compare a refold with what is stored or published.

Compares what facts decide. Excludes what may differ between two folds of the same facts: times, costs, the words of
reasons; and the policy's decisions if two policies decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from schemas.engagement import Engagement
from schemas.facts import Accepted
from schemas.outcomes import Outcome, Verdict
from streams.decision.deletions import MAX_DELETIONS
from streams.decision.state import Signals, VideoState


def outcome_differences(expected: Outcome, found: Outcome) -> list[str]:
    """Return the names of differing parts; empty without a difference."""
    wanted, said = expected.verdict, found.verdict
    pairs: dict[str, tuple[Any, Any]] = {
        "revision": (wanted.version.revision, said.version.revision),
        "status": (wanted.status, said.status),
        "modalities": (wanted.modalities, said.modalities),
        "review": (_review(wanted), _review(said)),
        "features": (expected.record.features, found.record.features),
        "regions": (wanted.regions, said.regions),
        "embeddings": (expected.record.embeddings, found.record.embeddings),
    }
    # Reports are part of the engagement, and a policy may depend on them.
    if wanted.policy == said.policy and expected.record.engagement == found.record.engagement:
        pairs["action"] = wanted.action, said.action
        pairs["labels"] = wanted.labels, said.labels
    return _differing(pairs)


def state_differences(expected: VideoState, found: VideoState) -> list[str]:
    """Return the parts of a state that are missing or differ from the known facts.

    Engagement, waiting signals and deletions may be older than the oldest of those facts: additional ones are no
    difference.
    """
    lacking = list(_lacking(expected, found))
    if expected.is_forgotten or found.is_forgotten:
        is_level = expected.is_forgotten and found.forgotten_revision >= expected.forgotten_revision
        return lacking if is_level else ["forgotten revision", *lacking]
    pairs = {
        "accepted": (_accepted(expected), _accepted(found)),
        "deadline": (expected.is_deadline_fired, found.is_deadline_fired),
        "review": (expected.review, found.review),
        "signals": (_ids(expected.signals), _ids(found.signals)),
        "sealed revision": (expected.sealed_revision, found.sealed_revision),
    }
    return [*_differing(pairs), *lacking]


def _lacking(expected: VideoState, found: VideoState) -> Iterator[str]:
    if _knowledge(expected.engagement) > _knowledge(found.engagement):
        yield "engagement"
    if any(
        not _ids(signals) <= _ids(found.waiting.get(revision, {})) for revision, signals in expected.waiting.items()
    ):
        yield "waiting signals"
    known = {deletion.before for deletion in found.deletions}
    if len(known) < MAX_DELETIONS and any(deletion.before not in known for deletion in expected.deletions):
        yield "deletions"


def _differing(pairs: dict[str, tuple[Any, Any]]) -> list[str]:
    return [name for name, (wanted, said) in pairs.items() if wanted != said]


def _ids(signals: Signals) -> set[tuple[str, str]]:
    return {(modality, signal.signal_id) for modality, signal in signals.items()}


def _knowledge(engagement: Engagement | None) -> tuple[float, int]:
    """Return a value that grows with every counted event."""
    return (engagement.as_of_unix_seconds, sum(engagement.counts.values())) if engagement else (float("-inf"), 0)


def _accepted(state: VideoState) -> Accepted | None:
    """Return `accepted` without fields that an older release, which folds during a rolling upgrade, leaves out."""
    return replace(state.accepted, content=None, warnings=()) if state.accepted else None


def _review(verdict: Verdict) -> Iterable[Any]:
    found = verdict.reviewed
    return (found.reviewer, found.event_unix_seconds) if found else ()
