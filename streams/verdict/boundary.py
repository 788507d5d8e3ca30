"""The boundary around one video's fact in the verdict role: a fault of one video affects only that video.

An unexpected error is logged with its traceback, counted, and tried again a few times. Then the video gets a gap
(`streams.store.gaps`), and the error one dead letter, unless the role wrote too many of late: then the fact is held. A
deletion is not held, and does not wait behind what is: its video gets the gap at once. Only what all videos rest on
ends the process: the order of facts, offsets, the store as a whole, the publisher, and memory that several videos lack.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Protocol

import structlog

from operators.internal_errors import INTERNAL_ERROR, InternalError
from schemas.facts import Deleted, Fact, Failure
from streams.decision.fact_reading import NewerFact
from streams.delivery.held_events import BETWEEN_TRIES, HeldEvents
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.record import Place, Record
from streams.store.gap import Gap, GapCause
from streams.store.gaps import Gaps, WaitingFact
from streams.store.outcomes import GapStands
from streams.store.shared_faults import count_or_raise
from streams.store.stored_case import UnreadableState
from streams.verdict.memory_faults import MemoryFaults

ATTEMPTS: Final = 3
"""Attempts to fold a fact, before its video gets a gap."""
_FORMER_WAIT: Final = "facts before it wait"
_DELAY_SECONDS: Final = 0.2
"""Wait before the second attempt; doubled before each further one."""

_log = structlog.get_logger(__name__)


class DeadLetterWriter(Protocol):
    """Writes the dead letter of a fact that cannot be folded; see `streams.dead_letters.dead_letters`."""

    async def write(
        self, record: Record, failure: Failure, *, role: str, attempts: int = 1, revision: int | None = None
    ) -> None:
        """Return when the dead letter is confirmed, now or by an earlier run."""


Withdraw = Callable[[str, Deleted | None], Awaitable[None]]
"""Takes away what can be read of a video whose deletion waits, see `streams.verdict.withdrawal`; may be repeated."""


@dataclass(frozen=True, slots=True)
class FoldBoundary:
    """Lets facts wait that cannot be folded."""

    gaps: Gaps
    dead_letters: DeadLetterWriter
    clock: Clock
    log_generation: int
    held: HeldEvents | None = None
    """The limit on dead letters by internal faults; None for no limit."""
    withdraw: Withdraw | None = None
    _memory: MemoryFaults = field(init=False)
    _deletions: dict[Place, tuple[Deleted, Record]] = field(init=False, default_factory=dict)
    """Deletions that were delivered and not answered."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_memory", MemoryFaults(self.clock))

    @contextmanager
    def expecting(self, fact: Fact, record: Record) -> Iterator[None]:
        """While the block runs, a deletion is known to facts of its video before it: it must not wait behind these."""
        if isinstance(fact, Deleted):
            self._deletions[record.place] = fact, record
        try:
            yield
        finally:
            self._deletions.pop(record.place, None)

    async def answer(self, fact: Fact, record: Record, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work of one fact; where that cannot be done, let the fact wait. Raises what `is_shared`, but for
        a want of memory of one video.

        At the limit on dead letters the fact is held, and tried again until it can be folded or given up, or until a
        deletion of its video comes: that one must not wait.
        """
        try:
            await self._answer(fact, record, work)
        finally:
            if self.held is not None:
                self.held.release(record.place)

    async def _answer(self, fact: Fact, record: Record, work: Callable[[], Awaitable[None]]) -> None:
        delays = BETWEEN_TRIES.delays()
        for attempt in count(1):
            try:
                await work()
            except GapStands:
                await self._wait_longer(fact, record)
                return
            except UnreadableState as error:
                metrics.FOLD_FAULTS.labels("state").inc()
                _log.error("unreadable video state; refolding from the log", error=str(error))
                await self._wait(fact, record, "unreadable-state", str(error))
                return
            except Exception as error:
                count_or_raise(error, "fold")
                _log.exception("unexpected error while folding a fact", place=record.place, attempt=attempt)
                if await self._is_answered(fact, record, error, attempt):
                    return
                await self.clock.sleep(_DELAY_SECONDS * 2 ** (attempt - 1) if attempt < ATTEMPTS else next(delays))
            else:
                return

    async def _is_answered(self, fact: Fact, record: Record, error: Exception, attempts: int) -> bool:
        """Give the fact up, where it was tried often enough and may be given up; False where it is to be tried again.

        Raises:
            MemoryError: several videos lacked memory of late.
        """
        if attempts < ATTEMPTS and await self.gaps.read(fact.video_id) is None:
            return False
        if isinstance(error, MemoryError) and self._memory.are_of_all(fact.video_id):
            raise error
        failure = Failure(cause=INTERNAL_ERROR, message=InternalError("work", error).message)
        if self.held is None or self.held.may_give_up(record.place, failure):
            await self.give_up(fact, record, failure, attempts)
            return True
        if not self._deletions_of(fact.video_id):
            return False
        await self._give_way(fact, record, failure, attempts)
        return True

    async def wait_for_newer(self, newer: NewerFact, record: Record) -> None:
        """Let a fact wait that only a newer release can read."""
        _log.error(
            "fact of a newer release; waiting for an upgrade",
            kind=newer.kind, type=newer.type, error=newer.message, place=record.place,
        )  # fmt: skip
        await self._open(newer.video_id, record, "newer-fact", newer.message, newer=newer)
        if newer.is_deletion:
            await self._withdraw(newer.video_id, None)

    async def give_up(self, fact: Fact, record: Record, failure: Failure, attempts: int = ATTEMPTS) -> None:
        """Let a fact wait, and write its dead letter."""
        await self._wait(fact, record, "internal-error", failure.message, owed=failure)
        await self._write(fact, record, failure, attempts)

    def _deletions_of(self, video_id: str) -> list[tuple[Deleted, Record]]:
        return [each for each in self._deletions.values() if each[0].video_id == video_id]

    async def _give_way(self, fact: Fact, record: Record, failure: Failure, attempts: int) -> None:
        """Have deletions act at once, though the fact, or the deletion itself, is held: only its dead letter waits."""
        await self._wait(fact, record, "internal-error", failure.message, owed=failure)
        await self._write_when_free(fact, record, failure, attempts)

    async def _write_when_free(self, fact: Fact, record: Record, failure: Failure, attempts: int) -> None:
        """Write the dead letter as soon as the limit admits it, unless the gap is closed before."""
        acting = {record.place}
        for delay_seconds in BETWEEN_TRIES.delays():
            if self.held is None or self.held.may_give_up(record.place, failure):
                await self._write(fact, record, failure, attempts)
                return
            await self._let_deletions_act(fact.video_id, acting)
            await self.clock.sleep(delay_seconds)
            if await self.gaps.read(fact.video_id) is None:
                return  # all of it was folded

    async def _let_deletions_act(self, video_id: str, acting: set[Place]) -> None:
        """Those that came since the last look, behind the fact that still waits for its dead letter."""
        for deletion, behind in self._deletions_of(video_id):
            if behind.place not in acting:
                acting.add(behind.place)
                await self._wait(deletion, behind, "internal-error", _FORMER_WAIT)

    async def _wait_longer(self, fact: Fact, record: Record) -> None:
        """Let a fact behind a gap wait; a fact that was given up gets its dead letter here, if the process ended before
        it was written."""
        gap = await self.gaps.read(fact.video_id)
        await self._wait(fact, record, "internal-error", _FORMER_WAIT)
        owed = None if gap is None else _owed(gap, record, self.log_generation)
        if owed is not None:
            attempts = 1 if owed.cause == "crash-loop" else ATTEMPTS
            await self._write_when_free(fact, record, owed, attempts)

    async def _wait(
        self, fact: Fact, record: Record, cause: GapCause, message: str, *, owed: Failure | None = None
    ) -> None:
        deletion = fact if isinstance(fact, Deleted) else None
        await self._open(fact.video_id, record, cause, message, deletion=deletion, owed=owed)
        if deletion is not None:
            await self._withdraw(fact.video_id, deletion)

    async def _withdraw(self, video_id: str, deletion: Deleted | None) -> None:
        """Withdraw readable data of a video whose deletion waits; the periodic retry of gaps repeats this."""
        if self.withdraw is None:
            return
        try:
            await self.withdraw(video_id, deletion)
        except Exception as error:
            count_or_raise(error, "fold")
            _log.exception("a video whose deletion waits could not be withdrawn yet", video_id=video_id)

    async def _open(
        self,
        video_id: str,
        record: Record,
        cause: GapCause,
        message: str,
        *,
        newer: NewerFact | None = None,
        deletion: Deleted | None = None,
        owed: Failure | None = None,
    ) -> None:
        waiting = WaitingFact(
            video_id, record.place.partition, self.log_generation, record.place.offset, cause, message,
            kind=newer.kind if newer else "", type=newer.type if newer else "", deletion=deletion,
            is_unread_deletion=newer is not None and newer.is_deletion, owed=owed,
        )  # fmt: skip
        if await self.gaps.wait(waiting, self.clock.now_unix_seconds()):
            _log.error("gap opened: facts of the video wait", video_id=video_id, cause=cause, place=record.place)

    async def _write(self, fact: Fact, record: Record, failure: Failure, attempts: int) -> None:
        """Write the dead letter; the gap says the same where that fails over this one."""
        try:
            await self.dead_letters.write(record, failure, role="verdict", attempts=attempts)
            await self.gaps.note_written(fact.video_id, record.place.offset)
        except Exception as error:
            count_or_raise(error, "dead-letter")
            _log.exception("dead letter of a fact not written", place=record.place)


def _owed(gap: Gap, record: Record, log_generation: int) -> Failure | None:
    """Return why a fact was given up whose dead letter is missing."""
    if gap.log_generation != log_generation:
        return None
    offset = record.place.offset
    if gap.cause == "crash-loop" and gap.first_offset == offset:  # also where a former release noted it
        return Failure(cause="crash-loop", message=gap.message)
    return gap.owed.get(offset)
