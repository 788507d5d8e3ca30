"""The sweep that closes gaps: videos whose facts wait are folded again from the log, those of one partition at once.

Every verdict worker sweeps beside the facts that come in, and claims the marks that it finds. A worker that starts
looks at all of them, so that a newer release finds what waited for it. Refolds are bounded: one at a time in a worker,
each within a time, later and later after failures, and no more than a number of them by one release.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from schemas.codec import encode
from schemas.outcomes import Outcome
from streams.decision.fact_reading import can_be_read
from streams.decision.ruleset import Ruleset
from streams.kafka.clients import BrokerUnavailable
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.recovery.interim import interim_outcome, outcome_of, served_of
from streams.recovery.refold import Fault, Rebuilt
from streams.store.deadlines import Deadline
from streams.store.gaps import LOOK_AGAIN_SECONDS, Gap, Gaps, Said
from streams.store.outcomes import GapStands, Outcomes
from streams.store.served import status_fields
from streams.store.shared_faults import is_shared
from streams.store.stored_case import spell
from streams.verdict.boundary import Withdraw
from streams.verdict.publishing import EventPublisher, publish_outcome

REFOLD_SECONDS: Final = 300.0
"""The longest that reading one partition of the log may take; so long a mark is claimed."""
MAX_REFOLDS: Final = 8
"""Of one gap by one release; then an operator or a newer release has to."""
_POLL_INTERVAL_SECONDS: Final = 2.0
_LONGEST_DELAY_SECONDS: Final = 3_600.0
_RESTING_SECONDS: Final = 7 * 86_400.0
_AT_ONCE: Final = 256
_TRIES: Final = 3
"""Of saying something of a video of which something else changes meanwhile; then the next look says it."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refolded:
    """What the log says of the videos that were asked for."""

    videos: Mapping[str, Rebuilt]
    faults: Mapping[str, Fault]
    seen: Mapping[str, int]
    """Offset of the last fact of each."""


class Refold(Protocol):
    """Reads one partition of the log for some videos."""

    async def __call__(self, partition: int, videos: Mapping[str, str]) -> Refolded:
        """Fold them again. Raises BrokerUnavailable, TimeoutError."""


class RepairedKeys(Protocol):
    """Registers and publishes what hangs on a state that was folded again."""

    async def __call__(self, video_id: str, video: Rebuilt | None) -> None:
        """May be repeated; without what the log says, only what is stored is published."""


class GapRetry:
    """Closes gaps, and says what holds meanwhile.

    Args:
        gaps: what waits.
        outcomes: where the states go.
        refold: reads the log.
        mended: called for each video whose gap was closed.
        meanwhile: says what holds of a video that stays in its gap.
        clock: paces the sweeps.
    """

    def __init__(
        self, gaps: Gaps, outcomes: Outcomes, refold: Refold, mended: RepairedKeys, meanwhile: Meanwhile, clock: Clock
    ) -> None:
        self._gaps = gaps
        self._outcomes = outcomes
        self._refold = refold
        self._mended = mended
        self._meanwhile = meanwhile
        self._clock = clock

    async def run(self) -> None:
        """Sweep until cancelled."""
        await self._guarded(self.wake)
        while True:
            await self._guarded(self.poll)
            await self._clock.sleep(_POLL_INTERVAL_SECONDS * random.uniform(0.5, 1.5))

    async def wake(self) -> None:
        """Have the next sweep look at gaps that another release left and that this one may close."""
        for mark in await self._gaps.marks.due(float("inf"), limit=-1):
            gap = await self._gaps.read(mark.video_id)
            if gap is not None and self._is_worth_a_look(gap):
                await self._gaps.marks.postpone(self._mark(mark, 0.0))

    async def poll(self) -> int:
        """Look at every gap that is due and that nobody else claimed; return how many were closed."""
        metrics.VIDEOS_IN_GAP.set(await self._gaps.marks.count())
        now_unix_seconds = self._clock.now_unix_seconds()
        claimed = await self._gaps.marks.claim(now_unix_seconds, seconds=REFOLD_SECONDS, limit=_AT_ONCE)
        num_closed = 0
        for partition, marks in _by_partition(claimed).items():
            num_closed += await self._look(partition, marks)
        return num_closed

    async def _guarded(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except Exception as error:
            if is_shared(error):
                raise
            metrics.FOLD_FAULTS.labels("refold").inc()
            _log.exception("gap retry failed; retrying")

    async def _look(self, partition: int, marks: Iterable[Deadline]) -> int:
        wanted: dict[str, tuple[Deadline, Gap]] = {}
        for mark in marks:
            gap = await self._gaps.read(mark.video_id)
            if gap is None:
                await self._let_go(mark)
            elif self._can_try(gap):
                wanted[mark.video_id] = mark, gap
            else:
                await self._leave(mark, gap)
        return await self._fold_again(partition, wanted) if wanted else 0

    async def _let_go(self, mark: Deadline) -> None:
        """Of a gap that is closed: by a rebuild, or by a worker that may have died before it published."""
        try:
            await self._mended(mark.video_id, None)
        except Exception as error:
            if is_shared(error):
                raise
            _log.exception("stored outcome not published; retrying", video_id=mark.video_id)
            await self._gaps.marks.postpone(self._mark(mark, LOOK_AGAIN_SECONDS))
        else:
            await self._gaps.marks.remove(mark)  # unless another gap was opened meanwhile, which moved it

    async def _fold_again(self, partition: int, wanted: Mapping[str, tuple[Deadline, Gap]]) -> int:
        for video_id, (_, gap) in wanted.items():
            # Before the log is read: where folding it ends the process, that has to be known.
            await self._gaps.note(video_id, refolds=self._num_refolds(gap) + 1, release=self._gaps.release)
        try:
            refolded = await self._refold(partition, {video_id: gap.said for video_id, (_, gap) in wanted.items()})
        except BrokerUnavailable as error:
            _log.warning("gap retry postponed: broker unavailable", partition=partition, error=str(error))
            for mark, gap in wanted.values():
                await self._look_later(mark, gap, LOOK_AGAIN_SECONDS)
            return 0
        except TimeoutError as error:
            _log.warning("gap retry failed: log not readable", partition=partition, error=repr(error))
            refolded = Refolded({}, {}, {})
        num_closed = 0
        for video_id, (mark, gap) in wanted.items():
            num_closed += await self._end(video_id, mark, gap, refolded)
        return num_closed

    async def _end(self, video_id: str, mark: Deadline, gap: Gap, refolded: Refolded) -> bool:
        try:
            is_closed = await self._close(video_id, gap, refolded)
        except GapStands:  # a later fact waits by now
            await self._look_later(mark, gap, 0.0)
            return False
        except Exception as error:
            if is_shared(error):
                raise
            _log.exception("refolded video cannot be written", video_id=video_id)
            if await self._gaps.read(video_id) is None:  # written, and not published
                await self._gaps.marks.postpone(self._mark(mark, LOOK_AGAIN_SECONDS))
                return False
            is_closed = False
        if is_closed:
            metrics.GAPS_CLOSED.inc()
            await self._gaps.marks.remove(mark)  # unless another gap was opened meanwhile, which moved it
        else:
            await self._fail(video_id, mark, gap, refolded.faults.get(video_id))
        return is_closed

    async def _look_later(self, mark: Deadline, gap: Gap, delay_seconds: float) -> None:
        """The refold did not fail, so it does not count."""
        await self._gaps.note(mark.video_id, refolds=self._num_refolds(gap))
        await self._gaps.marks.postpone(self._mark(mark, delay_seconds))

    async def _close(self, video_id: str, gap: Gap, refolded: Refolded) -> bool:
        seen = refolded.seen.get(video_id)
        if video_id in refolded.faults or seen is None:
            return False
        video = refolded.videos.get(video_id)
        if video is None:
            return await self._gaps.close_empty(video_id, gap.log_generation, seen)
        await self._outcomes.close_gap(video_id, video.state, video.outcome, max(seen, video.state.applied_offset))
        await self._mended(video_id, video)
        _log.info("gap closed: video refolded from the log", video_id=video_id, cause=gap.cause)
        return True

    async def _fail(self, video_id: str, mark: Deadline, gap: Gap, fault: Fault | None) -> None:
        if fault is not None:
            await self._gaps.note(
                video_id, cause=fault.cause, message=fault.message[:500], kind=fault.kind, type=fault.type
            )
        await self._meanwhile.say(video_id)
        delay_seconds = min(LOOK_AGAIN_SECONDS * 2 ** self._num_refolds(gap), _LONGEST_DELAY_SECONDS)
        await self._gaps.marks.postpone(self._mark(mark, delay_seconds))

    async def _leave(self, mark: Deadline, gap: Gap) -> None:
        await self._meanwhile.say(mark.video_id)
        is_newer = gap.cause == "newer-fact"
        await self._gaps.marks.postpone(self._mark(mark, LOOK_AGAIN_SECONDS if is_newer else _RESTING_SECONDS))

    def _can_try(self, gap: Gap) -> bool:
        if gap.cause == "newer-fact":
            return can_be_read(gap.kind, gap.type) and self._num_refolds(gap) < MAX_REFOLDS
        if gap.cause == "crash-loop":
            return not gap.is_deadly_for(self._gaps.release)
        return self._num_refolds(gap) < MAX_REFOLDS

    def _is_worth_a_look(self, gap: Gap) -> bool:
        return self._can_try(gap) and (gap.release != self._gaps.release or gap.cause == "newer-fact")

    def _num_refolds(self, gap: Gap) -> int:
        return gap.num_refolds if gap.release == self._gaps.release else 0

    def _mark(self, mark: Deadline, delay_seconds: float) -> Deadline:
        return Deadline(mark.video_id, mark.revision, self._clock.now_unix_seconds() + delay_seconds)


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
        """Publish the decision that stands in for a pending one; take a video away whose deletion waits."""
        for _ in range(_TRIES):
            gap = await self._gaps.read(video_id)
            if gap is None:
                return
            if gap.is_deletion_waiting:
                if gap.deletion is not None:
                    await self._withdraw(gap.deletion)
                return
            known = await self._gaps.said(video_id)
            outcome = self._outcome(video_id, gap, known)
            if outcome is None:
                return
            if await self._serve(video_id, gap, known, outcome):
                await self._tell(video_id, outcome)
                return

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
        if not await self._gaps.told(video_id, spell(outcome.version)):
            await self._publish_again(video_id)  # the gap was closed meanwhile: what it came to may be before ours


def _by_partition(marks: Iterable[Deadline]) -> dict[int, list[Deadline]]:
    found: dict[int, list[Deadline]] = {}
    for mark in marks:
        found.setdefault(mark.revision, []).append(mark)
    return found
