"""The watchdog over several roles: who is stuck, what is shown, and how exits keep their distance."""

from __future__ import annotations

from prometheus_client import REGISTRY

from streams.progress.broker_facts import GroupFacts, PartitionFacts
from streams.progress.cpu_share import CpuShare
from streams.progress.outages import Outages
from streams.progress.record_finder import RecordFinder
from streams.progress.watchdog import Watchdog
from tests.unit.streams.progress.fake_role import LIMITS, PLACE, FakeRole

BEHIND = GroupFacts(True, True, {PLACE: PartitionFacts(0, 0, 5)})
LEVEL = GroupFacts(True, True, {PLACE: PartitionFacts(5, 0, 5)})


class Bench:
    """Two roles; the broker says the same all along."""

    def __init__(self) -> None:
        self.delays: dict[int, float] = {1: 0.0}
        self.starved_seconds = 0.0
        """By which the thread's wait for a core grows with each look."""
        outages = Outages(lambda: 0.0, lambda: 0.0)
        self.finder = RecordFinder(self._first)
        self.dog = Watchdog(LIMITS, outages, self.finder, CpuShare(self.delays.get))
        self.roles = [FakeRole("intake", threads=(1,)), FakeRole("media")]
        self.facts = [LEVEL, BEHIND]
        for role in self.roles:
            self.dog.watch(role)

    async def look(self, times: int, *, has_loop_turned: bool = True) -> None:
        for _ in range(times):
            for keeper, facts in zip(self.dog.keepers, self.facts, strict=True):
                keeper.hear(facts)
            self.delays[1] += self.starved_seconds
            self.dog.look(1.0, has_loop_turned=has_loop_turned)
            await self.finder.answer()

    async def _first(self, _partition: object, offset: int, _end: int) -> int:
        return offset


class TestWatchdog:
    async def test_a_role_that_stands_still_is_named_and_the_others_are_not(self) -> None:
        """Its report says since when, and the reason is the process' last word."""
        bench = Bench()
        await bench.look(60)
        assert {role: report.state for role, report in bench.dog.reports.items()} == {
            "intake": "idle",
            "media": "stalled",
        }
        assert (bench.dog.stuck, bench.dog.give_up_reason) == ((), "")
        await bench.look(1)
        assert bench.dog.stuck == ("media",)
        assert bench.dog.give_up_reason.startswith("media was delivered nothing for 60 s")

    async def test_the_metrics_say_the_same(self) -> None:
        """One state of all is 1, and the seconds are those that count."""
        bench = Bench()
        await bench.look(41)

        def value(name: str, **labels: str) -> float | None:
            return REGISTRY.get_sample_value(name, labels)

        assert value("vidsignal_role_state", role="media", state="stalled") == 1
        assert value("vidsignal_role_state", role="media", state="flowing") == 0
        assert value("vidsignal_role_state", role="intake", state="idle") == 1
        assert value("vidsignal_role_stalled_seconds", role="media") == 40
        assert value("vidsignal_role_stalled_seconds", role="intake") == 0
        bench.dog.close()
        assert value("vidsignal_broker_offsets_known", role="media") == 0

    async def test_a_starved_process_does_not_count_the_time(self) -> None:
        """Its loop waits nine tenths of each second for a core: 300 looks are 30 seconds."""
        bench = Bench()
        bench.facts = [BEHIND, LEVEL]
        bench.starved_seconds = 0.9
        await bench.look(290)
        assert bench.dog.reports["intake"].state == "flowing"
        await bench.look(20)
        assert bench.dog.reports["intake"].state == "stalled"
        assert bench.dog.give_up_reason == ""

    async def test_looks_in_which_the_loop_did_not_turn_do_not_count(self) -> None:
        """Another thread holds the interpreter, as while models are loaded: no role could get on, and none is stuck."""
        bench = Bench()
        await bench.look(20)
        await bench.look(500, has_loop_turned=False)
        assert (bench.dog.reports["media"].state, bench.dog.give_up_reason) == ("flowing", "")
        await bench.look(11)
        assert bench.dog.reports["media"].state == "stalled"


class TestDistance:
    async def test_each_remembered_exit_doubles_the_limit(self) -> None:
        """Readiness is lost after 30 seconds as ever; the second exit comes after 120, the third after 240."""
        for num_exits, seconds in ((1, 120), (2, 240), (4, 960), (50, 960)):
            bench = Bench()
            bench.dog.num_recent_exits = num_exits
            await bench.look(31)
            assert bench.dog.reports["media"].state == "stalled"
            await bench.look(seconds - 31)
            assert bench.dog.give_up_reason == ""
            await bench.look(1)
            assert bench.dog.stuck == ("media",)

    async def test_exits_are_forgotten_after_ten_minutes_without_a_stall(self) -> None:
        """A stall begins that time again."""
        bench = Bench()
        bench.dog.num_recent_exits = 1
        await bench.look(40)
        bench.facts = [LEVEL, LEVEL]
        await bench.look(599)
        assert not bench.dog.is_well_again
        await bench.look(1)
        assert bench.dog.is_well_again
