"""Selects verdicts that a changed policy affects, page by page, with the stored state of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from streams.policy_rollout.past_verdicts import PastVerdict, PolicyFilter, is_asked
from streams.policy_rollout.policy_evaluation import Evaluation, PolicyEvaluator, judge
from streams.policy_rollout.rollout_stats import RolloutStats
from streams.store.chunked import pages
from streams.store.stored_case import StoredVideo

_PAGE: Final = 200
"""Number of verdicts that are looked up, and then sent, together."""
_READS_AT_ONCE: Final = 16

Reader = Callable[[str], Awaitable[StoredVideo]]
"""Returns the stored state of a video; `Outcomes.read`."""
Send = Callable[[Sequence[Evaluation]], Awaitable[None]]
"""Returns when the log has the facts of all of them."""


@dataclass(frozen=True, slots=True)
class VerdictSelection:
    """Decides which verdicts are decided again.

    Args:
        read: reads the store.
        asked: the operator's filter.
        judge: evaluates the current policy.
    """

    read: Reader
    asked: PolicyFilter
    judge: PolicyEvaluator

    def is_enough(self, tally: RolloutStats) -> bool:
        """Return whether the limit is reached."""
        return self.asked.limit is not None and tally.num_chosen >= self.asked.limit

    async def of(self, page: Sequence[PastVerdict], tally: RolloutStats) -> list[Evaluation]:
        """Return the verdicts of a page that are decided again; the others are counted by reason."""
        turns = asyncio.Semaphore(_READS_AT_ONCE)

        async def stored(video_id: str) -> StoredVideo:
            async with turns:
                return await self.read(video_id)

        cases = await asyncio.gather(*(stored(verdict.video_id) for verdict in page))
        found = [judge(verdict, case, self.judge) for verdict, case in zip(page, cases, strict=True)]
        chosen = [item for item in found if isinstance(item, Evaluation)]
        tally.skipped.update(item for item in found if not isinstance(item, Evaluation))
        kept = chosen if self.asked.limit is None else chosen[: self.asked.limit - tally.num_chosen]
        tally.choose(kept)
        return kept


async def go_through(
    verdicts: Iterable[PastVerdict],
    choice: VerdictSelection,
    tally: RolloutStats,
    send: Send | None,
    tell: Callable[[RolloutStats], None],
) -> None:
    """Process verdicts until there are no more, or the limit is reached.

    Args:
        verdicts: the newest of each video.
        choice: selects verdicts.
        tally: counts them.
        send: publishes the facts of a page; None to count only.
        tell: called after each page.
    """
    label = choice.judge.policy.label
    for page in pages((verdict for verdict in verdicts if is_asked(verdict, choice.asked, label)), _PAGE):
        if choice.is_enough(tally):
            return
        chosen = await choice.of(page, tally)
        if send is not None:
            await send(chosen)
        tell(tally)
