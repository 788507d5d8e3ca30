"""Closes gaps: refolds waiting videos from the log, those of one partition together.

Every verdict worker polls while it processes facts, and claims the entries that it finds. A worker that starts checks
all of them, so a newer release finds the facts that waited for it. Refolds are limited: one at a time in a worker, each
with a time limit, at growing intervals after failures, and up to a maximum number per release.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Protocol, TypeVar

import structlog

from schemas.codec import encode
from schemas.facts import Deleted
from streams.decision.fact_reading import can_be_read
from streams.kafka.clients import BrokerUnavailable
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.recovery.meanwhile import Meanwhile
from streams.recovery.rebuilt import Rebuilt
from streams.recovery.refold_report import Fault
from streams.store.deadlines import Deadline
from streams.store.gap import Gap
from streams.store.gaps import LOOK_AGAIN_SECONDS, Gaps
from streams.store.outcomes import GapStands, Outcomes
from streams.store.shared_faults import count_or_raise, ends_repeated_work

REFOLD_SECONDS: Final = 300.0
"""Time limit for reading one partition of the log; an entry is claimed for this time."""
MAX_REFOLDS: Final = 8
"""Per gap and release; after that an operator or a newer release must act."""
_POLL_INTERVAL_SECONDS: Final = 2.0
_LONGEST_DELAY_SECONDS: Final = 3_600.0
_RESTING_SECONDS: Final = 7 * 86_400.0
_AT_ONCE: Final = 256

_log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Refolded:
    """Refolded videos."""

    videos: Mapping[str, Rebuilt]
    faults: Mapping[str, Fault]
    seen: Mapping[str, int]
    """Offset of the last fact of each."""
    deletions: Mapping[str, Deleted | None] = field(default_factory=dict)
    """Of those that cannot be folded, what their deletions reach together, None where that cannot be read."""
    log_generation: int | None = 0
    """Of the log that was read to its end; None where it was not."""


class Refold(Protocol):
    """Reads one partition of the log for some videos."""

    async def __call__(self, partition: int, videos: Mapping[str, str]) -> Refolded:
        """Refold them. Raises BrokerUnavailable, TimeoutError."""


class RepairedKeys(Protocol):
    """Registers and publishes what depends on a refolded state."""

    async def __call__(self, video_id: str, video: Rebuilt | None) -> None:
        """May be repeated; without a refolded state only the stored one is published."""


class GapRetry:
    """Closes gaps, and publishes interim outcomes.

    Args:
        gaps: open gaps.
        outcomes: receives the states.
        refold: reads the log.
        repaired: called for each video whose gap was closed.
        meanwhile: publishes the interim outcome of a video that stays in its gap.
        clock: times the polls.
    """

    def __init__(
        self, gaps: Gaps, outcomes: Outcomes, refold: Refold, repaired: RepairedKeys, meanwhile: Meanwhile, clock: Clock
    ) -> None:
        self._gaps = gaps
        self._outcomes = outcomes
        self._refold = refold
        self._repaired = repaired
        self._meanwhile = meanwhile
        self._clock = clock

    async def run(self) -> None:
        """Poll until cancelled."""
        await self._guarded(self.wake)
        while True:
            await self._guarded(self.poll)
            await self._clock.sleep(_POLL_INTERVAL_SECONDS * random.uniform(0.5, 1.5))

    async def wake(self) -> None:
        """Let the next poll check gaps that another release left and that this one may close."""
        for mark in await self._gaps.marks.due(float("inf"), limit=-1):
            await self._for_one(mark, self._wake(mark))

    async def _wake(self, mark: Deadline) -> None:
        gap = await self._gaps.read(mark.video_id)
        if gap is not None and self._is_worth_a_look(gap):
            await self._gaps.marks.postpone(self._mark(mark, 0.0))

    async def poll(self) -> int:
        """Process every due gap that nobody else has claimed; return how many were closed."""
        metrics.VIDEOS_IN_GAP.set(await self._gaps.marks.count())
        now_unix_seconds = self._clock.now_unix_seconds()
        claimed = await self._gaps.marks.claim(now_unix_seconds, seconds=REFOLD_SECONDS, limit=_AT_ONCE)
        by_partition = _by_partition(claimed)
        num_closed = 0
        try:
            for partition in tuple(by_partition):
                num_closed += await self._look(partition, by_partition[partition])
                del by_partition[partition]
        except asyncio.CancelledError:  # the worker stops: another one need not wait until the claims end
            for mark in chain.from_iterable(by_partition.values()):
                await self._gaps.marks.postpone(self._mark(mark, 0.0))
            raise
        return num_closed

    async def _guarded(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except Exception as error:
            count_or_raise(error, "refold")
            _log.exception("gap retry failed; retrying")

    async def _for_one(self, mark: Deadline, work: Awaitable[Answer]) -> Answer | None:
        """Run a step for one video; if it fails, retry that video later, and continue with others."""
        try:
            return await work
        except Exception as error:
            count_or_raise(error, "refold")
            _log.exception("gap retry failed for one video; retrying", video_id=mark.video_id)
            await self._gaps.marks.postpone(self._mark(mark, LOOK_AGAIN_SECONDS))
            return None

    async def _look(self, partition: int, marks: Iterable[Deadline]) -> int:
        wanted: dict[str, tuple[Deadline, Gap]] = {}
        for mark in marks:
            gap = await self._for_one(mark, self._begin(mark))
            if gap is not None:
                wanted[mark.video_id] = mark, gap
        return await self._fold_again(partition, wanted) if wanted else 0

    async def _begin(self, mark: Deadline) -> Gap | None:
        """Return the gap if it is to be closed from the log now; other entries are finished for this time."""
        gap = await self._gaps.read(mark.video_id)
        if gap is None:
            await self._let_go(mark)
            return None
        if not self._can_try(gap):
            await self._leave(mark, gap)
            return None
        # Before the log is read: if folding it ends the process, that must be known.
        died = {"died": ",".join(sorted(gap.deadly_releases))} if gap.deadly_releases else {}
        num_refolds = self._num_refolds(gap) + 1
        await self._gaps.note_refolds(mark.video_id, num_refolds, release=self._gaps.release, **died)
        return gap

    async def _let_go(self, mark: Deadline) -> None:
        """Finish an entry whose gap is closed: by a rebuild, or by a worker that may have died before it published."""
        await self._repaired(mark.video_id, None)
        await self._gaps.marks.remove(mark)  # unless another gap was opened meanwhile, which moved the entry

    async def _fold_again(self, partition: int, wanted: Mapping[str, tuple[Deadline, Gap]]) -> int:
        try:
            refolded = await self._refolded(partition, {video_id: gap.said for video_id, (_, gap) in wanted.items()})
        except asyncio.CancelledError:  # the worker stops: nothing failed
            for mark, gap in wanted.values():
                await self._look_later(mark, gap, 0.0)
            raise
        num_closed = 0
        for video_id, (mark, gap) in wanted.items():
            if refolded is None:
                await self._for_one(mark, self._look_later(mark, gap, LOOK_AGAIN_SECONDS))
            else:
                num_closed += bool(await self._for_one(mark, self._end(video_id, mark, gap, refolded)))
        return num_closed

    async def _refolded(self, partition: int, videos: Mapping[str, str]) -> Refolded | None:
        """Return the refolded videos; none of them if the log cannot be read, None if that is no fault of theirs."""
        try:
            return await self._refold(partition, videos)
        except BrokerUnavailable as error:
            _log.warning("gap retry postponed: broker unavailable", partition=partition, error=str(error))
            return None
        except Exception as error:
            if ends_repeated_work(error):
                raise
            _log.warning("gap retry failed: log not readable", partition=partition, error=repr(error))
            return Refolded({}, {}, {}, log_generation=None)

    async def _end(self, video_id: str, mark: Deadline, gap: Gap, refolded: Refolded) -> bool:
        try:
            is_closed = await self._close(video_id, gap, refolded)
        except GapStands:  # a later fact waits now
            await self._look_later(mark, gap, 0.0)
            return False
        except Exception as error:
            count_or_raise(error, "refold")
            _log.exception("refolded video cannot be written", video_id=video_id)
            if await self._gaps.read(video_id) is None:  # written, and not published
                await self._gaps.marks.postpone(self._mark(mark, LOOK_AGAIN_SECONDS))
                return False
            is_closed = False
        if is_closed:
            metrics.GAPS_CLOSED.inc()
            await self._gaps.marks.remove(mark)  # unless another gap was opened meanwhile, which moved the entry
        else:
            await self._fail(video_id, mark, gap, refolded)
        return is_closed

    async def _look_later(self, mark: Deadline, gap: Gap, delay_seconds: float) -> None:
        """Postpone without counting: the refold did not fail."""
        await self._gaps.note_refolds(mark.video_id, self._num_refolds(gap))
        await self._gaps.marks.postpone(self._mark(mark, delay_seconds))

    async def _close(self, video_id: str, gap: Gap, refolded: Refolded) -> bool:
        if video_id in refolded.faults:
            return False
        seen = refolded.seen.get(video_id)
        if seen is None:
            return await self._close_over_nothing(video_id, gap, refolded)
        video = refolded.videos.get(video_id)
        if video is None:
            return await self._gaps.close_empty(video_id, gap.log_generation, seen)
        await self._outcomes.close_gap(video_id, video.state, video.outcome, max(seen, video.state.applied_offset))
        await self._repaired(video_id, video)
        _log.info("gap closed: video refolded from the log", video_id=video_id, cause=gap.cause)
        return True

    async def _close_over_nothing(self, video_id: str, gap: Gap, refolded: Refolded) -> bool:
        """Of a video of which the log has no fact any more: a deletion that waited so long is carried out by removing
        what it could not be folded into; anything else stays as it is."""
        if not gap.is_deletion_waiting or refolded.log_generation != gap.log_generation:
            return False
        return await self._gaps.close_empty(video_id, gap.log_generation, gap.waiting_offset)

    async def _fail(self, video_id: str, mark: Deadline, gap: Gap, refolded: Refolded) -> None:
        fault, deletion = refolded.faults.get(video_id), refolded.deletions.get(video_id)
        if fault is not None:
            await self._gaps.note(
                video_id, cause=fault.cause, message=fault.message[:500], kind=fault.kind, type=fault.type
            )
        # Another release may have let it wait without saying it.
        if gap.is_deletion_waiting and deletion is not None and await self._is_read_whole(video_id, refolded):
            await self._gaps.note(video_id, deletion=encode(deletion))
        await self._postpone(mark, min(LOOK_AGAIN_SECONDS * 2 ** self._num_refolds(gap), _LONGEST_DELAY_SECONDS))

    async def _is_read_whole(self, video_id: str, refolded: Refolded) -> bool:
        """Whether nothing waits that came after the log was read, such as one more deletion."""
        gap, seen = await self._gaps.read(video_id), refolded.seen.get(video_id, -1)
        return gap is not None and (gap.log_generation, gap.waiting_offset) <= (refolded.log_generation or 0, seen)

    async def _leave(self, mark: Deadline, gap: Gap) -> None:
        is_newer = gap.cause == "newer-fact"
        await self._postpone(mark, LOOK_AGAIN_SECONDS if is_newer else _RESTING_SECONDS)

    async def _postpone(self, mark: Deadline, delay_seconds: float) -> None:
        await self._meanwhile.say(mark.video_id)
        await self._gaps.marks.postpone(self._mark(mark, delay_seconds))

    def _can_try(self, gap: Gap) -> bool:
        if gap.cause == "newer-fact" and not can_be_read(gap.kind, gap.type):
            return False
        return self._gaps.release not in gap.deadly_releases and self._num_refolds(gap) < MAX_REFOLDS

    def _is_worth_a_look(self, gap: Gap) -> bool:
        return self._can_try(gap) and (gap.release != self._gaps.release or gap.cause == "newer-fact")

    def _num_refolds(self, gap: Gap) -> int:
        return gap.refolds_of(self._gaps.release)

    def _mark(self, mark: Deadline, delay_seconds: float) -> Deadline:
        return Deadline(mark.video_id, mark.revision, self._clock.now_unix_seconds() + delay_seconds)


def _by_partition(marks: Iterable[Deadline]) -> dict[int, list[Deadline]]:
    found: dict[int, list[Deadline]] = {}
    for mark in marks:
        found.setdefault(mark.revision, []).append(mark)
    return found
