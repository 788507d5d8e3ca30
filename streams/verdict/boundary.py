"""The boundary around one video's fact in the verdict role: what is wrong with one video ends at that video.

An unexpected error is logged with its traceback, counted, and tried again a few times. Then the video gets a gap
(`streams.store.gaps`), and the error one dead letter, unless the role wrote too many of late. Only what all videos rest
on ends the process: the order of facts, offsets, the store as a whole, the publisher.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol

import structlog

from operators.internal_errors import INTERNAL_ERROR
from schemas.facts import Deleted, Fact, Failure
from streams.decision.fact_reading import NewerFact
from streams.delivery.held_events import BETWEEN_TRIES, HeldEvents
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.record import Record
from streams.store.gaps import GapCause, Gaps, WaitingFact
from streams.store.outcomes import GapStands
from streams.store.shared_faults import is_shared
from streams.store.stored_case import UnreadableState

ATTEMPTS: Final = 3
"""Of folding a fact, before its video gets a gap."""
_DELAY_SECONDS: Final = 0.2
"""Before the second attempt; doubled before the next."""

_log = structlog.get_logger(__name__)


class DeadLetterWriter(Protocol):
    """Where a fact goes that cannot be folded; see `streams.dead_letters.dead_letters`."""

    async def write(
        self, record: Record, failure: Failure, *, role: str, attempts: int = 1, revision: int | None = None
    ) -> None:
        """Return when the dead letter is confirmed, now or by an earlier run."""


Withdraw = Callable[[Deleted], Awaitable[None]]
"""May be repeated."""


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


@dataclass(frozen=True, slots=True)
class FoldBoundary:
    """Lets facts wait that cannot be folded."""

    gaps: Gaps
    dead_letters: DeadLetterWriter
    clock: Clock
    log_generation: int
    held: HeldEvents | None = None
    """The limit on dead letters by faults of our own; None for no limit."""
    withdraw: Withdraw | None = None
    """Takes away what can be read of a video whose deletion waits."""

    async def answer(self, fact: Fact, record: Record, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work of one fact; where that cannot be done, let the fact wait. Raises what `is_shared`.

        At the limit on dead letters the fact is held, and tried again until it can be folded or given up.
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
                if is_shared(error):
                    raise
                metrics.FOLD_FAULTS.labels("fold").inc()
                _log.exception("unexpected error while folding a fact", place=record.place, attempt=attempt)
                failure = Failure(cause=INTERNAL_ERROR, message=_told(error))
                if attempt < ATTEMPTS and await self.gaps.read(fact.video_id) is None:
                    await self.clock.sleep(_DELAY_SECONDS * 2 ** (attempt - 1))
                elif self.held is None or self.held.may_give_up(record.place, failure):
                    await self.give_up(fact, record, failure, attempt)
                    return
                else:
                    await self.clock.sleep(next(delays))
            else:
                return

    async def wait_for_newer(self, newer: NewerFact, record: Record) -> None:
        """Let a fact wait that only a newer release can read."""
        _log.error(
            "fact of a newer release; waiting for an upgrade",
            kind=newer.kind, type=newer.type, error=newer.message, place=record.place,
        )  # fmt: skip
        await self._open(newer.video_id, record, "newer-fact", newer.message, newer=newer)

    async def give_up(self, fact: Fact, record: Record, failure: Failure, attempts: int = ATTEMPTS) -> None:
        """Let a fact wait, and write one dead letter of it."""
        await self._wait(fact, record, "internal-error", failure.message)
        await self._write(record, failure, attempts)

    async def _wait_longer(self, fact: Fact, record: Record) -> None:
        """A fact behind a gap; the one that ends processes gets its dead letter here, as its worker could not."""
        gap = await self.gaps.read(fact.video_id)
        await self._wait(fact, record, "internal-error", "facts before it wait")
        if gap is not None and gap.cause == "crash-loop" and gap.first_offset == record.place.offset:
            await self._write(record, Failure(cause="crash-loop", message=gap.message), 1)

    async def _wait(self, fact: Fact, record: Record, cause: GapCause, message: str) -> None:
        deletion = fact if isinstance(fact, Deleted) else None
        await self._open(fact.video_id, record, cause, message, deletion=deletion)
        if deletion is not None and self.withdraw is not None:
            await self._withdraw(deletion, self.withdraw)

    async def _withdraw(self, deletion: Deleted, withdraw: Withdraw) -> None:
        """A deletion that waits acts on what can be read at once; the sweep over gaps does the same once more."""
        try:
            await withdraw(deletion)
        except Exception as error:
            if is_shared(error):
                raise
            metrics.FOLD_FAULTS.labels("fold").inc()
            _log.exception("a video whose deletion waits could not be withdrawn yet", video_id=deletion.video_id)

    async def _open(
        self,
        video_id: str,
        record: Record,
        cause: GapCause,
        message: str,
        *,
        newer: NewerFact | None = None,
        deletion: Deleted | None = None,
    ) -> None:
        waiting = WaitingFact(
            video_id, record.place.partition, self.log_generation, record.place.offset, cause, message,
            kind=newer.kind if newer else "", type=newer.type if newer else "", deletion=deletion,
        )  # fmt: skip
        if await self.gaps.wait(waiting, self.clock.now_unix_seconds()):
            _log.error("gap opened: facts of the video wait", video_id=video_id, cause=cause, place=record.place)

    async def _write(self, record: Record, failure: Failure, attempts: int) -> None:
        await self.dead_letters.write(record, failure, role="verdict", attempts=attempts)
