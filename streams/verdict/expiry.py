"""The end of videos that nothing is said of any more; only where a setting gives them one.

A video is kept for a time after its last outcome: a new revision, a late signal, a review and each summary of what
people did with it begin that time again. Then its keys and vectors go from Redis, and the broker drops its records
from both compacted topics by their age. It is not a deletion: no deletion marker stays, no tombstone is written, and
the same upload may come again. Claims and engagement end by retentions of their own.
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
"""Between two looks at a video whose time is up and of which facts wait."""


class Expiry:
    """Registers when the time of each revision is up, at its first outcome; a `Follower`.

    Args:
        expiring: revisions by when to look at them.
        kept_seconds: after the last outcome; with 0 forever, and nothing is registered.
    """

    def __init__(self, expiring: Deadlines, kept_seconds: float) -> None:
        self._expiring = expiring
        self._kept_seconds = kept_seconds

    async def replace(self, outcome: Outcome) -> None:
        """Register the revision; of one that is registered, the sweep looks at the newest outcome."""
        if self._kept_seconds:
            await self._expiring.register(_entry(outcome, self._kept_seconds))

    async def remove(self, video_id: str) -> None:
        """Nothing: the sweep finds no outcome and drops the entry."""
        del video_id


def expiry_poller(
    outcomes: Outcomes, expiring: Deadlines, followers: Sequence[Follower], kept_seconds: float, clock: Clock
) -> DuePoller:
    """The sweep that removes videos whose time is up.

    Args:
        outcomes: what is removed, by comparison with what was read.
        expiring: what `Expiry` registered.
        followers: what stands beside the log, such as the vectors, and an `Expiry`; they let go first.
        kept_seconds: after the last outcome.
        clock: tells what is due.
    """

    async def fire(entry: Deadline) -> Deadline:
        stored = await outcomes.read(entry.video_id)
        outcome = stored.outcome
        if stored.is_in_gap:
            # Facts wait that may begin a new revision: they would be forgotten with their gap.
            await expiring.postpone(replace(entry, due_unix_seconds=clock.now_unix_seconds() + _GAP_SECONDS))
            return entry
        if outcome is not None and outcome.version.revision == entry.revision:
            if not has_expired(outcome, kept_seconds, clock):
                await expiring.postpone(_entry(outcome, kept_seconds))
                return entry
            await _let_go(outcomes, followers, outcome)
        # An outcome that was said meanwhile found the entry there, so the entry goes before one looks again.
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
    """Whether the time of a video is up whose last outcome this is; never where `kept_seconds` is 0."""
    return outcome is not None and kept_seconds > 0 and _due(outcome, kept_seconds) <= clock.now_unix_seconds()


def _entry(outcome: Outcome, kept_seconds: float) -> Deadline:
    return Deadline(outcome.verdict.video_id, outcome.version.revision, _due(outcome, kept_seconds))


def _due(outcome: Outcome, kept_seconds: float) -> float:
    return outcome.verdict.decided_unix_seconds + kept_seconds
