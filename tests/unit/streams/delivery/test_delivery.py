"""The wrapper around all work: what is finished, what is answered, what ends the process."""

from __future__ import annotations

import asyncio

from operators.errors import DeviceFault, DeviceLost, InvalidMedia, ModelFault, Overloaded
from schemas.errors import InvalidEvent
from schemas.facts import Failure
from streams.delivery.admission import Slot
from streams.lifecycle.fatal_error import WorkerExit
from tests.fakes import ManualClock
from tests.support.one_role import OneRole, ScriptedWork, record_at


class Bench(OneRole):
    """One agent, whose slots are looked at when they are given back."""

    def __init__(self, work: ScriptedWork) -> None:
        self.work = work
        self.released: list[Slot] = []
        super().__init__({"agent": work}, ManualClock(), device_fault_attempts=3, on_release=self.released.append)
        (self.delivery,) = self.deliveries

    async def settle(self) -> None:
        """Let everything run, and time pass for anyone who waits between tries."""
        await self.pass_time(1_200, 60)


async def answered(*script: Exception) -> Bench:
    """A bench that met one record whose work went as the script says."""
    bench = Bench(ScriptedWork(list(script)))
    await bench.take(record_at())
    await bench.settle()
    return bench


class TestDelivery:
    async def test_finishes_after_the_work_returned(self) -> None:
        """A record counts as finished when its work has returned, and not before."""
        gate = asyncio.Event()
        bench = Bench(ScriptedWork(gate=gate))
        await bench.take(record_at())
        await bench.settle()
        assert bench.committable is None
        gate.set()
        await bench.settle()
        assert bench.committable == 1

    async def test_waits_while_overloaded(self) -> None:
        """Overload is waited out, however long it lasts."""
        bench = await answered(*[Overloaded("full")] * 10)
        assert (bench.work.num_runs, bench.work.failures, bench.committable) == (11, [], 1)

    async def test_invalid_media_is_answered(self) -> None:
        """Media at fault is not tried again: the work is asked to report it, then the record is finished."""
        bench = await answered(InvalidMedia("media-empty", "no bytes"))
        assert bench.work.failures == [Failure(cause="media-empty", message="no bytes")]
        assert (bench.work.num_runs, bench.committable) == (1, 1)

    async def test_invalid_events_are_answered(self) -> None:
        """An event that cannot be read is not tried again."""
        bench = await answered(InvalidEvent("event-not-json", "no"))
        assert [failure.cause for failure in bench.work.failures] == ["event-not-json"]

    async def test_device_faults_are_tried_a_bounded_number_of_times(self) -> None:
        """Two faults are tried again, the third is an answer."""
        patient = await answered(DeviceFault("a"), DeviceFault("b"))
        assert (patient.work.num_runs, patient.work.failures, patient.committable) == (3, [], 1)
        given_up = await answered(DeviceFault("a"), DeviceFault("b"), ModelFault("nan"))
        assert given_up.work.failures == [Failure(cause="model-fault", message="nan")]
        assert (given_up.work.num_runs, given_up.committable) == (3, 1)

    async def test_a_bug_ends_the_process_unacknowledged(self) -> None:
        """Anything unexpected is reported, finishes nothing, and marks its slot."""
        bench = await answered(RuntimeError("bug"))
        assert bench.fatal_error.happened.is_set()
        assert (bench.fatal_error.exit_code, bench.committable) == (WorkerExit.CRASHED, None)
        assert [slot.has_crashed for slot in bench.released] == [True]

    async def test_a_lost_device_ends_the_process_with_a_code_of_its_own(self) -> None:
        """Nothing is answered or tried again; what was on the device keeps its count, and is redelivered."""
        bench = await answered(DeviceLost("device-side assert"))
        assert (bench.fatal_error.exit_code, bench.fatal_error.happened.is_set()) == (WorkerExit.DEVICE_LOST, True)
        assert (bench.work.num_runs, bench.work.failures, bench.committable) == (1, [], None)
        assert [(slot.has_crashed, slot.was_cancelled) for slot in bench.released] == [(True, False)]

    async def test_who_came_after_the_loss_is_put_back(self) -> None:
        """An event that merely asked a device that was lost before gets its start back, and is redelivered."""
        bench = await answered(DeviceLost("device-side assert", was_on_device=False))
        assert (bench.fatal_error.exit_code, bench.committable, bench.work.failures) == (
            WorkerExit.DEVICE_LOST,
            None,
            [],
        )
        assert [(slot.has_crashed, slot.was_cancelled) for slot in bench.released] == [(False, True)]

    async def test_a_redelivery_joins_running_work(self) -> None:
        """A record that is redelivered while its work runs is not worked on twice, and is finished by the one run."""
        gate = asyncio.Event()
        bench = Bench(ScriptedWork(gate=gate))
        await bench.take(record_at(generation=1))
        await bench.settle()
        bench.begin(2)
        await bench.take(record_at(generation=2))
        await bench.settle()
        gate.set()
        await bench.settle()
        assert (bench.work.num_runs, bench.committable) == (1, 1)

    async def test_cancel_leaves_the_record_unfinished(self) -> None:
        """Work that is ended at shutdown finishes nothing, and its slot says why."""
        bench = Bench(ScriptedWork(gate=asyncio.Event()))
        await bench.take(record_at())
        await bench.settle()
        await bench.delivery.cancel()
        assert bench.committable is None
        assert [(slot.was_cancelled, slot.has_crashed) for slot in bench.released] == [(True, False)]

    async def test_a_stale_record_is_not_worked_on(self) -> None:
        """A record of an earlier generation is dropped: it returns."""
        bench = Bench(ScriptedWork())
        bench.begin(2)
        await bench.take(record_at(generation=1))
        await bench.settle()
        assert bench.work.num_runs == 0
