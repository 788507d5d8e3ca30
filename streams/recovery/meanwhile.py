"""What is said of a video while its facts wait: the decision that stands in for a pending one; nothing once deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from schemas.codec import encode
from schemas.outcomes import Outcome
from streams.decision.ruleset import Ruleset
from streams.lifecycle.clock import Clock
from streams.recovery.interim import interim_outcome, outcome_of, served_of
from streams.store.gaps import Gap, Gaps, Said
from streams.store.served import status_fields
from streams.store.stored_case import spell
from streams.verdict.boundary import Withdraw
from streams.verdict.publishing import EventPublisher, publish_outcome

_TRIES: Final = 3
"""Of saying something of a video of which something else changes meanwhile; then the next look says it."""


class Meanwhile:
    """Says what holds of a video that stays in its gap; may be repeated.

    Args:
        gaps: where that is noted and served.
        publisher: takes the outcome.
        ruleset: says what holds where a modality failed.
        withdraw: takes away a video whose deletion waits.
        clock: stamps it.
        publish_again: publishes what is stored of a video whose gap was closed.
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
        """Publish the decision that stands in for a pending one; take away what a deletion reaches that waits."""
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
        """The gap, after what its deletion reaches is gone; None where nothing is to be said."""
        gap = await self._gaps.read(video_id)
        if gap is None or not gap.is_deletion_waiting:
            return gap
        await self._withdraw(video_id, gap.deletion)
        # Where it is not known what the deletion reaches, a newer revision may be gone, too.
        return None if gap.deletion is None else await self._gaps.read(video_id)

    def _outcome(self, video_id: str, gap: Gap, known: tuple[Mapping[bytes, bytes], bytes | None]) -> Outcome | None:
        """What is to be said: what was said already and may not be out, or something new; None for neither."""
        ruleset, served = self._ruleset, served_of(*known)
        if gap.said and served.verdict is not None and spell(served.verdict.version) == gap.said:
            return None if gap.is_told else outcome_of(served.verdict)
        place, now_unix_seconds = (gap.log_generation, gap.first_offset), self._clock.now_unix_seconds()
        return interim_outcome(video_id, served, place, ruleset.policy, ruleset.prices, now_unix_seconds)

    async def _serve(
        self, video_id: str, gap: Gap, known: tuple[Mapping[bytes, bytes], bytes | None], outcome: Outcome
    ) -> bool:
        """Write it for readers, and in the gap that it is said: before it is published, so that a death between the two
        leaves nothing in the topics that nobody knows of. False where something changed meanwhile."""
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
        # Closed meanwhile, or withdrawn: what was said then may lie before ours in the topics.
        if await self._gap(video_id) is None:
            await self._publish_again(video_id)
