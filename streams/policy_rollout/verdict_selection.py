"""Choosing verdicts that a changed policy is to reach: page by page, with what the store knows of each."""

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
"""Verdicts that are looked up, and then sent, together."""
_READS_AT_ONCE: Final = 16

Reader = Callable[[str], Awaitable[StoredVideo]]
"""What the store holds of a video; `Outcomes.read`."""
Send = Callable[[Sequence[Evaluation]], Awaitable[None]]
"""Returns when the log has the facts of all of them."""


@dataclass(frozen=True, slots=True)
class VerdictSelection:
    """Decides which verdicts are decided again.

    Args:
        read: asks the store.
        asked: by the operator.
        judge: the policy that holds by now.
    """

    read: Reader
    asked: PolicyFilter
    judge: PolicyEvaluator

    def is_enough(self, tally: RolloutStats) -> bool:
        """Whether the limit is reached."""
        return self.asked.limit is not None and tally.num_chosen >= self.asked.limit

    async def of(self, page: Sequence[PastVerdict], tally: RolloutStats) -> list[Evaluation]:
        """Those of a page that are decided again; the others are counted by why not."""
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
    """Look at verdicts until there are no more, or enough.

    Args:
        verdicts: the newest of each video.
        choice: which of them are decided again.
        tally: counts them.
        send: puts the facts of a page into the log; None where only counting is wanted.
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
