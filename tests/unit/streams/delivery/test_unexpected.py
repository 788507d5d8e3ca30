"""Unexpected errors of work on an event: tried again, answered, counted, logged once; they end no process."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from operators.errors import DeviceLost, InvalidMedia, MachineUnavailable
from operators.internal_errors import InternalError, SharedStateFault
from schemas.errors import InvalidEvent
from schemas.facts import Failure
from streams.delivery.admission import Slot
from streams.delivery.breaker import Breakers
from streams.delivery.deferred_events import DeferredEvents
from streams.observability import metrics
from streams.record import Record
from tests.fakes import ManualClock
from tests.support.one_role import OneRole, record_at

pytestmark = pytest.mark.usefixtures("silent_logs")

LastResort = Callable[[Record, Failure], Awaitable[None]]
UNEXPECTED = (
    ValueError("Invalid IPv6 URL"), RecursionError("deep"), struct.error("short"), OverflowError("date"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), KeyError("x"), AssertionError(),
    RuntimeError("bug"),
)  # fmt: skip


@dataclass
class Work:
    """Does with each event what its script says, for as long as that has entries."""

    running: dict[int, list[BaseException]] = field(default_factory=dict)
    failing: list[Exception] = field(default_factory=list)
    tries: list[int] = field(default_factory=list)
    failures: list[tuple[int, Failure]] = field(default_factory=list)

    async def run(self, record: Record, slot: Slot) -> None:
        self.tries.append(record.place.offset)
        script = self.running.get(record.place.offset)
        if script:
            raise script.pop(0)

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        if self.failing:
            raise self.failing.pop(0)
        self.failures.append((record.place.offset, failure))


class App(OneRole):
    """One agent."""

    def __init__(self, work: Work, last_resort: LastResort | None = None, attempts: int | None = 3) -> None:
        clock = ManualClock()
        self.deferred_events = DeferredEvents(Breakers(clock), clock, capacity=8, timeout_seconds=86_400.0)
        super().__init__(
            {"agent": work},
            clock,
            deferred_events=self.deferred_events,
            internal_error_attempts=attempts,
            last_resort=last_resort,
        )

    async def meet(self, *offsets: int) -> None:
        """Deliver records, and let time pass until nothing more happens."""
        for offset in offsets:
            await self.take(record_at(offset))
        await self.pass_time(600, 30)


class TestWork:
    @pytest.mark.parametrize("error", UNEXPECTED, ids=lambda error: type(error).__name__)
    async def test_an_unexpected_error_is_answered(self, error: Exception) -> None:
        """Three tries, then one answer of cause internal-error; the partition goes on, and the process too."""
        work = Work({0: [error] * 9})
        app = App(work)
        await app.meet(0, 1)
        assert [offset for offset in work.tries if offset == 0] == [0, 0, 0]
        [(offset, failure)] = work.failures
        assert (offset, failure.cause) == (0, "internal-error")
        assert type(error).__name__ in failure.message
        assert (app.committable, app.fatal_error.happened.is_set()) == (2, False)

    async def test_a_cancellation_out_of_a_library_is_answered(self) -> None:
        """Nobody asked for it, so nobody redelivers the event: left as it is, its partition would stand still."""
        work = Work({0: [asyncio.CancelledError() for _ in range(9)]})
        app = App(work)
        await app.meet(0, 1)
        assert [(offset, failure.cause) for offset, failure in work.failures] == [(0, "internal-error")]
        assert (app.committable, app.fatal_error.happened.is_set()) == (2, False)

    async def test_one_that_passes_costs_nothing(self) -> None:
        """An error that the second try does not meet leaves a result."""
        work = Work({0: [ValueError("once")]})
        app = App(work)
        await app.meet(0)
        assert (work.tries, work.failures, app.committable) == ([0, 0], [], 1)

    @pytest.mark.parametrize(
        "error", [SharedStateFault("order"), DeviceLost("gone")], ids=lambda error: type(error).__name__
    )
    async def test_faults_of_shared_state_end_the_process(self, error: Exception) -> None:
        """They are not tried again and not answered: the event is redelivered."""
        work = Work({0: [error]})
        app = App(work)
        await app.meet(0)
        assert app.fatal_error.happened.is_set()
        assert (work.tries, work.failures, app.committable) == ([0], [], None)

    async def test_a_role_without_an_answer_ends_by_it(self) -> None:
        """Where nothing answers unexpected errors, they end the process, unacknowledged."""
        app = App(Work({0: [ValueError("bug")]}), attempts=None)
        await app.meet(0)
        assert (app.fatal_error.happened.is_set(), app.committable) == (True, None)

    async def test_it_is_logged_with_its_traceback_and_counted(self) -> None:
        """Once for an error that several agents or tries see, by role and boundary."""
        error = InternalError("source", ValueError("odd"))
        counted = metrics.INTERNAL_ERRORS.labels("media", "source")
        before = counted._value.get()
        with capture_logs() as logs:
            await App(Work({0: [error] * 9})).meet(0)
        told = [line for line in logs if line["log_level"] == "error"]
        assert [(line["boundary"], line["role"], line["exc_info"]) for line in told] == [("source", "media", error)]
        assert counted._value.get() - before == 1

    async def test_tries_at_the_boundary_count(self) -> None:
        """What was tried often enough where it was met is not tried again here."""
        work = Work({0: [InternalError("media", ValueError("x"), num_tries=3)]})
        app = App(work)
        await app.meet(0)
        assert (work.tries, [failure.cause for _, failure in work.failures]) == ([0], ["internal-error"])

    async def test_the_machine_is_waited_for(self) -> None:
        """No descriptors, a failing disk: the event waits, and has its result when that is over."""
        work = Work(
            {0: [OSError(24, "Too many open files"), MachineUnavailable("file:///media", "Input/output error")]}
        )
        app = App(work)
        await app.meet(0, 1)
        assert (sorted(work.tries), work.failures, app.committable) == ([0, 0, 0, 1], [], 2)


class TestAnswer:
    @pytest.mark.parametrize(
        "error", [*UNEXPECTED, InvalidMedia("media-empty", "x"), InvalidEvent("event-invalid", "x")],
        ids=lambda error: type(error).__name__,
    )  # fmt: skip
    async def test_an_answer_that_fails_leaves_a_dead_letter_all_the_same(self, error: Exception) -> None:
        """Where the work cannot say that it failed, the last resort writes one dead letter, and the partition goes
        on."""
        left: list[tuple[int, str]] = []

        async def leave(record: Record, failure: Failure) -> None:
            left.append((record.place.offset, failure.cause))

        app = App(Work({0: [InvalidMedia("media-empty", "no bytes")]}, failing=[error] * 9), leave)
        await app.meet(0, 1)
        assert left == [(0, "internal-error")]
        assert (app.committable, app.fatal_error.happened.is_set()) == (2, False)

    async def test_an_answer_is_tried_again(self) -> None:
        """An answer that fails once is given at the second try, as it was."""
        work = Work({0: [InvalidMedia("media-empty", "no bytes")]}, failing=[ValueError("once")])
        app = App(work)
        await app.meet(0)
        assert [(offset, failure.cause) for offset, failure in work.failures] == [(0, "media-empty")]
        assert app.committable == 1

    async def test_a_fault_of_the_last_resort_ends_the_process(self) -> None:
        """Dead letters are shared state: where none can be written, nothing is acknowledged."""

        async def leave(record: Record, failure: Failure) -> None:
            raise RuntimeError("no letter")

        app = App(Work({0: [InvalidMedia("media-empty", "no bytes")]}, failing=[ValueError("x")] * 9), leave)
        await app.meet(0)
        assert (app.fatal_error.happened.is_set(), app.committable) == (True, None)
