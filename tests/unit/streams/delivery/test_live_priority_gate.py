"""The gate: live videos go first in all three things that both lanes share, and a pause stops what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from operators.inference.request_context import Lane
from streams.analysis.agents.quiet_host import QuietHost
from streams.delivery.admission import Admission
from streams.delivery.live_priority_gate import LOOK_SECONDS, PAUSE_SECONDS, QUIET_SECONDS, LivePriorityGate
from streams.record import Place, Record
from tests.fakes import ManualClock


@dataclass
class Bench:
    """A gate whose live lane a test fills."""

    max_live: int = 0
    num_live: int = 0
    held: list[Lane | None] = field(default_factory=list)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.gate = LivePriorityGate(
            num_live=lambda: self.num_live, max_live=self.max_live, hold=self.held.append, clock=self.clock
        )


class Threads:
    """Runs work at once."""

    async def run(self, work: Callable[[], int]) -> tuple[int, float]:
        return work(), 0.0


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class TestLiveFirst:
    def test_is_open_while_nothing_live_is_in_flight(self) -> None:
        """One live video closes it, in the same moment; it opens a moment after that has left."""
        bench = Bench()
        seen = []
        for bench.num_live, seconds in ((0, 0.0), (1, 0.0), (0, QUIET_SECONDS / 2), (0, QUIET_SECONDS)):
            bench.clock.advance(seconds)
            seen.append(bench.gate.is_open)
        assert seen == [True, False, False, True]

    def test_goes_on_with_as_many_live_videos_as_are_allowed(self) -> None:
        """A larger machine may be told that a few live videos leave room."""
        bench = Bench(max_live=2)
        seen = []
        for bench.num_live in (2, 3):
            seen.append(bench.gate.is_open)
        assert seen == [True, False]

    async def test_holds_the_device_and_lets_go(self) -> None:
        """The lane is kept off the device while a live video is in flight, and told once each way."""
        bench = Bench()
        watching = asyncio.create_task(bench.gate.watch())
        for bench.num_live, seconds in ((0, 0.0), (1, 0.0), (1, 0.0), (0, QUIET_SECONDS), (0, 0.0)):
            await bench.clock.wait_for_sleepers(1)
            bench.clock.advance(LOOK_SECONDS + seconds)
            await settle()
        held = list(bench.held)
        watching.cancel()
        assert held == ["backfill", None]

    async def test_a_stopping_worker_lets_what_is_in_flight_end(self) -> None:
        """The drain would wait for ever for work that waits for the gate."""
        bench = Bench(num_live=1)
        watching = asyncio.create_task(bench.gate.watch())
        await bench.clock.wait_for_sleepers(1)
        assert bench.held == ["backfill"]
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await asyncio.wait_for(bench.gate.until_quiet(), 60)
        assert bench.held == ["backfill", None]

    async def test_host_threads_wait_for_a_quiet_moment(self) -> None:
        """A piece of work that has not begun waits until the live video has left."""
        bench = Bench(num_live=1)
        watching = asyncio.create_task(bench.gate.watch())
        work = asyncio.create_task(QuietHost(Threads(), bench.gate).run(lambda: 7))  # type: ignore[arg-type]
        await bench.clock.wait_for_sleepers(1)
        await settle()
        assert not work.done()
        bench.num_live = 0
        bench.clock.advance(QUIET_SECONDS)
        assert await asyncio.wait_for(work, 60) == (7, 0.0)
        watching.cancel()


class TestPause:
    async def test_follows_the_operators_flag(self) -> None:
        """It is asked for again and again; a pause closes the gate and leaves the device to what is in flight."""
        bench, flags = Bench(), [True, False]

        async def ask() -> bool:
            return flags.pop(0)

        asking = asyncio.create_task(bench.gate.watch_pause(ask))
        seen = []
        for _ in range(2):
            await bench.clock.wait_for_sleepers(1)
            seen.append((bench.gate.is_open, bench.gate.is_quiet))
            bench.clock.advance(PAUSE_SECONDS)
            await settle()
        asking.cancel()
        assert (seen, bench.held) == ([(False, True), (True, True)], [])


class TestAdmission:
    @pytest.mark.parametrize("cause", ["live", "pause"])
    async def test_new_videos_wait_at_a_closed_gate(self, cause: str) -> None:
        """What has its slot goes on, what has none waits; when the gate opens, it is let in without another event."""
        bench = Bench()
        admission = Admission(2, ("a", "b"), gate=bench.gate)
        admission.resume(1)
        first = await admission.enter(record(0), "a")
        bench.num_live, bench.gate.is_paused = (1, False) if cause == "live" else (0, True)
        bench.gate.look()
        assert await asyncio.wait_for(admission.enter(record(0), "b"), 60) is first
        waiting = asyncio.create_task(admission.enter(record(1), "a"))
        await settle()
        assert not waiting.done()
        bench.num_live, bench.gate.is_paused = 0, False
        bench.clock.advance(QUIET_SECONDS)
        bench.gate.look()
        assert await asyncio.wait_for(waiting, 60) is not None

    async def test_a_closed_gate_does_not_keep_a_rebalance_waiting(self) -> None:
        """Who waits at it is sent away when the generation ends."""
        bench = Bench(num_live=1)
        admission = Admission(1, ("a",), gate=bench.gate)
        admission.resume(1)
        waiting = asyncio.create_task(admission.enter(record(0), "a"))
        await settle()
        admission.suspend()
        assert await asyncio.wait_for(waiting, 60) is None


def record(offset: int) -> Record:
    return Record(Place("video.backfill", 0, offset), b"v", b"{}", (), 0.0, generation=1)
