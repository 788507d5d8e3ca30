"""Deadlines that a fold has made obsolete."""

from __future__ import annotations

from schemas.outcomes import Outcome
from streams.store.stored_case import StoredVideo


def closed_revisions(before: Outcome | None, stored: StoredVideo) -> list[int]:
    """Return revisions whose deadline is obsolete after this fact; again if the fact is redelivered before
    publication."""
    after = stored.outcome
    if stored.is_published:
        return []
    closed = []
    if after is not None and after.verdict.status == "final" and (before is after or not _is_final_of(before, after)):
        closed.append(after.version.revision)
    if before is not None and before.verdict.status == "pending" and _is_over(before, after):
        closed.append(before.version.revision)
    return closed


def _is_final_of(before: Outcome | None, after: Outcome) -> bool:
    return before is not None and (before.verdict.status, before.version.revision) == ("final", after.version.revision)


def _is_over(before: Outcome, after: Outcome | None) -> bool:
    return after is None or after.version.revision > before.version.revision
