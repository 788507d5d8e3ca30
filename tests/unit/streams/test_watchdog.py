"""The watchdog, with a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass

from streams.engagement.role import EngagementThread
from streams.watchdog import Watchdog
from tests.fakes import ManualClock


@dataclass
class StubRole:
    """A role whose progress and lag the test sets."""

    role: str = "media"
    finished: int = 0
    waiting: int = 5

    def num_finished(self) -> int:
        return self.finished

    def lag(self) -> int:
        return self.waiting


@dataclass
class StubConsumer:
    """What the watchdog asks of an engagement consumer."""

    num_steps: int
    is_busy: bool
    is_waiting: bool


class Bench:
    """A watchdog with a patience of 100 seconds."""

    def __init__(self, *, all_answer: bool = True) -> None:
        self.role = StubRole()
        self.clock = ManualClock()
        self.given_up: list[str] = []

        self.all_answer = all_answer

        async def answer() -> bool:
            return self.all_answer

        self.watchdog = Watchdog([self.role], 100, self.clock, all_answer=answer, give_up=self.given_up.append)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass and look."""
        self.clock.advance(seconds)
        await self.watchdog.look()


class TestWatchdog:
    async def test_gives_up_a_role_that_stands_still(self) -> None:
        """Records wait, nothing is finished for too long: the process has to go."""
        bench = Bench()
        await bench.pass_time(99)
        assert bench.given_up == []
        await bench.pass_time(1)
        assert [told.split()[0] for told in bench.given_up] == ["media"]
        assert bench.watchdog.stuck == ("media",)

    async def test_progress_begins_the_time_anew(self) -> None:
        """One finished event is progress."""
        bench = Bench()
        await bench.pass_time(99)
        bench.role.finished = 1
        await bench.pass_time(50)
        await bench.pass_time(99)
        assert bench.given_up == []

    async def test_an_idle_role_is_left_alone(self) -> None:
        """Where nothing waits nothing is due."""
        bench = Bench()
        bench.role.waiting = 0
        await bench.pass_time(1000)
        await bench.pass_time(99)
        assert bench.given_up == []

    async def test_waiting_for_a_store_that_is_away_is_right(self) -> None:
        """A process that waits for Redis or a broker is not stuck."""
        bench = Bench(all_answer=False)
        await bench.pass_time(1000)
        assert bench.given_up == []

    async def test_time_counts_anew_when_all_are_back(self) -> None:
        """A worker that waited out a long outage has its whole patience to finish something."""
        bench = Bench(all_answer=False)
        await bench.pass_time(1000)
        bench.all_answer = True
        await bench.pass_time(99)
        assert bench.given_up == []
        await bench.pass_time(1)
        assert [told.split()[0] for told in bench.given_up] == ["media"]

    async def test_a_counting_thread_that_hangs_in_a_step_is_stuck(self) -> None:
        """Nobody measures its lag then; a step that does not end is enough, unless it waits for its store."""
        consumer = StubConsumer(num_steps=4, is_busy=True, is_waiting=False)
        thread = EngagementThread(consumer)  # type: ignore[arg-type]
        assert (thread.num_finished(), thread.lag()) == (4, 1)
        consumer.is_waiting = True
        assert thread.lag() == 0
        consumer.is_busy = consumer.is_waiting = False
        assert thread.lag() == 0
