"""Publishes the interim outcome of a video whose facts wait: a decision in place of a pending one; none after a
deletion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from schemas.codec import encode
from schemas.outcomes import Outcome
from streams.decision.ruleset import Ruleset
from streams.lifecycle.clock import Clock
from streams.recovery.interim import interim_outcome, outcome_of, served_of
from streams.store.gap import Gap
from streams.store.gaps import Gaps, Said
from streams.store.served import status_fields
from streams.store.stored_case import spell
from streams.verdict.boundary import Withdraw
from streams.verdict.publishing import EventPublisher, publish_outcome

_TRIES: Final = 3
"""Attempts for a video that changes meanwhile; after that the next poll tries again."""


class Meanwhile:
    """Publishes the interim outcome of a video that stays in its gap; may be repeated.

    Args:
        gaps: where it is stored and served.
        publisher: publishes the outcome.
        ruleset: its policy's action for a failed modality applies.
        withdraw: withdraws a video whose deletion waits.
        clock: for timestamps.
        publish_again: publishes the stored outcome of a video whose gap was closed.
    """

    def __init__(
        self,
        gaps: Gaps,
        publisher: EventPublisher,
        ruleset: Ruleset,
        withdraw: Withdraw,
        clock: Clock,
        publish_again: Callable[[str], Awaitable[None]],
    ) -> None:
        self._publish_again = publish_again
        self._gaps = gaps
        self._publisher = publisher
        self._ruleset = ruleset
        self._withdraw = withdraw
        self._clock = clock

    async def say(self, video_id: str) -> None:
        """Publish the decision in place of a pending one; withdraw what a waiting deletion covers."""
        for _ in range(_TRIES):
            gap = await self._gap(video_id)
            if gap is None:
                return
            known = await self._gaps.said(video_id)
            outcome = self._outcome(video_id, gap, known)
            if outcome is None:
                return
            if await self._serve(video_id, gap, known, outcome):
                await self._tell(video_id, outcome)
                return

    async def _gap(self, video_id: str) -> Gap | None:
        """Return the gap, after withdrawing what its deletion covers; None if nothing is to be published."""
        gap = await self._gaps.read(video_id)
        if gap is None or not gap.is_deletion_waiting:
            return gap
        await self._withdraw(video_id, gap.deletion)
        # If it is unknown what the deletion covers, a newer revision may be deleted, too.
        return None if gap.deletion is None else await self._gaps.read(video_id)

    def _outcome(self, video_id: str, gap: Gap, known: tuple[Mapping[bytes, bytes], bytes | None]) -> Outcome | None:
        """Return the interim outcome: one that was stored and may not be published, or a new one; None for neither."""
        ruleset, served = self._ruleset, served_of(*known)
        if gap.said and served.verdict is not None and spell(served.verdict.version) == gap.said:
            return None if gap.is_told else outcome_of(served.verdict)
        place, now_unix_seconds = (gap.log_generation, gap.first_offset), self._clock.now_unix_seconds()
        return interim_outcome(video_id, served, place, ruleset.policy, ruleset.prices, now_unix_seconds)

    async def _serve(
        self, video_id: str, gap: Gap, known: tuple[Mapping[bytes, bytes], bytes | None], outcome: Outcome
    ) -> bool:
        """Serve it to readers, and store it in the gap, before it is published: so after a crash between the two, every
        outcome in the topics is known. Returns False if something changed meanwhile."""
        status = known[0]
        fields = status_fields(outcome, served_of(*known).expected)
        warnings = {"warnings": status[b"warnings"]} if b"warnings" in status else {}
        in_gap = {**fields, **warnings, "gap": gap.cause, "gap_since_unix_seconds": gap.since_unix_seconds}
        said = Said(spell(outcome.version), encode(outcome.verdict), in_gap)
        return await self._gaps.say(video_id, gap, known, said)

    async def _tell(self, video_id: str, outcome: Outcome) -> None:
        await publish_outcome(self._publisher, outcome, None)
        if await self._gaps.told(video_id, spell(outcome.version)):
            return
        # Closed meanwhile, or withdrawn: what was published then may be before ours in the topics.
        if await self._gap(video_id) is None:
            await self._publish_again(video_id)
