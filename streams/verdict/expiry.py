"""Expiry of videos that have had no new outcome for a time; only if a setting limits their retention.

A video is kept for a time after its last outcome. A new revision, a late signal, a review and each engagement summary
restart that time. Then its keys and vectors are removed from Redis, and the broker removes its records from both
compacted topics by their age. It is not a deletion: there is no deletion marker and no tombstone, and the same upload
may be sent again. Claims and engagement have retention times of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from schemas.outcomes import Outcome
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.store.deadlines import Deadline, Deadlines
from streams.store.outcomes import Outcomes
from streams.verdict.due_poller import DuePoller
from streams.verdict.followers import Follower

_GAP_SECONDS: Final = 3_600.0
"""Time between two checks of an expired video with waiting facts."""


class Expiry:
    """Registers the expiry of each revision at its first outcome; a `Follower`.

    Args:
        expiring: revisions by the time of their next check.
        kept_seconds: retention after the last outcome; with 0 it is unlimited, and nothing is registered.
    """

    def __init__(self, expiring: Deadlines, kept_seconds: float) -> None:
        self._expiring = expiring
        self._kept_seconds = kept_seconds

    async def replace(self, outcome: Outcome) -> None:
        """Register the revision; if it is registered, the poller reads the newest outcome at the check."""
        if self._kept_seconds:
            await self._expiring.register(_entry(outcome, self._kept_seconds))

    async def remove(self, video_id: str) -> None:
        """Do nothing: the poller finds no outcome and removes the entry."""
        del video_id


def expiry_poller(
    outcomes: Outcomes, expiring: Deadlines, followers: Sequence[Follower], kept_seconds: float, clock: Clock
) -> DuePoller:
    """Return the poller that removes expired videos.

    Args:
        outcomes: removed by compare-and-set with what was read.
        expiring: what `Expiry` registered.
        followers: data outside the log, such as the vectors, and an `Expiry`; they are removed first.
        kept_seconds: retention after the last outcome.
        clock: determines what is due.
    """

    async def fire(entry: Deadline) -> Deadline:
        stored = await outcomes.read(entry.video_id)
        outcome = stored.outcome
        if stored.is_in_gap:
            # Waiting facts may start a new revision, and would be lost with their gap.
            await expiring.postpone(replace(entry, due_unix_seconds=clock.now_unix_seconds() + _GAP_SECONDS))
            return entry
        if outcome is not None and outcome.version.revision == entry.revision:
            if not has_expired(outcome, kept_seconds, clock):
                await expiring.postpone(_entry(outcome, kept_seconds))
                return entry
            await _let_go(outcomes, followers, outcome)
        # An outcome that was written meanwhile found the entry registered, so the entry is removed before the check.
        await expiring.remove(entry)
        await hold_again(entry.video_id)
        return entry

    async def hold_again(video_id: str) -> None:
        stored = await outcomes.read(video_id)
        if stored.outcome is not None and not stored.is_withdrawn:
            for follower in followers:
                await follower.replace(stored.outcome)

    return DuePoller(expiring, fire, clock)


async def _let_go(outcomes: Outcomes, followers: Sequence[Follower], outcome: Outcome) -> None:
    for follower in followers:
        await follower.remove(outcome.verdict.video_id)
    if await outcomes.expire(outcome.verdict.video_id, outcome.version):
        metrics.VIDEOS_EXPIRED.inc()


def has_expired(outcome: Outcome | None, kept_seconds: float, clock: Clock) -> bool:
    """Return whether the video with this last outcome has expired; always False if `kept_seconds` is 0."""
    return outcome is not None and kept_seconds > 0 and _due(outcome, kept_seconds) <= clock.now_unix_seconds()


def _entry(outcome: Outcome, kept_seconds: float) -> Deadline:
    return Deadline(outcome.verdict.video_id, outcome.version.revision, _due(outcome, kept_seconds))


def _due(outcome: Outcome, kept_seconds: float) -> float:
    return outcome.verdict.decided_unix_seconds + kept_seconds
