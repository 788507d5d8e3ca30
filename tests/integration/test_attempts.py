"""Attempt counts on a real Redis: what kills workers is given up soon, and what is killed with them never."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest

from streams.delivery.admission import Slot
from streams.delivery.attempts import Attempts
from streams.delivery.memory_killer import MemoryKills, memory_kills
from streams.delivery.slot_cleanup import SlotCleanup
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.record import Place
from streams.store.client import open_store
from streams.store.keys import Keys

KEYS = Keys("test.")
PLACE = Place("video.uploaded", 1, 7)
KEY = KEYS.attempts("video.uploaded", 1, 7)
WEEK_SECONDS = 7 * 86_400
MOST_DEATHS = 8

Death = Literal["outside", "by itself", "memory, all at once"]


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Any]:
    """A client of the store, as a worker opens it."""
    client = open_store(redis_url)
    yield client
    await client.aclose()


@dataclass
class Machine:
    """A kernel that counts its memory kills, and workers that die on it with one event in work, one after another."""

    store: Any
    boot_id: str = "boot"
    num_kills: int = 0
    board: ExclusiveBoard = field(default_factory=ExclusiveBoard)

    def new_worker(self) -> Attempts:
        """A worker begins; nothing runs alone in it."""
        self.board = ExclusiveBoard()
        return Attempts(self.store, KEYS, self.board, lambda: MemoryKills(self.boot_id, self.num_kills))

    async def is_given_up(self, death: Death) -> bool:
        """Begin the event in a fresh worker; where it is not given up, die during it."""
        attempts = self.new_worker()
        attempt = await attempts.begin(PLACE)
        if attempt.is_hopeless:
            return True
        if attempt.must_run_exclusively:
            await attempts.begin_exclusively(PLACE)
        await self._die(death)
        return False

    async def _die(self, death: Death) -> None:
        if death == "memory, all at once":
            self.num_kills += 2
        if death == "by itself":  # then the parent lives and tells
            for key in self.board.read():
                await Attempts(self.store, KEYS).note_death(key)

    async def num_deaths(self, death: Callable[[], Death]) -> int:
        """Of workers, until the event is given up."""
        for number in range(100):
            if await self.is_given_up(death()):
                return number
        raise AssertionError("a hundred deaths and no end")


class TestKillsFromOutside:
    async def test_condemn_nothing(self, store: Any) -> None:
        """However often all processes of a worker are killed while one event is in work, the event is tried again."""
        machine = Machine(store)
        assert not any([await machine.is_given_up("outside") for _ in range(50)])

    async def test_whatever_else_happens_on_the_machine(self, store: Any) -> None:
        """Memory kills of others, of which there are few, and restarts of the machine make no difference."""
        chance = random.Random(1)
        for _ in range(20):
            await store.delete(KEY)
            machine = Machine(store)
            disturbed = chance.sample(range(20), 3)
            for number in range(20):
                if number in disturbed:
                    machine.num_kills += 1
                if chance.random() < 0.3:
                    machine.boot_id, machine.num_kills = f"boot {number}", 0
                assert not await machine.is_given_up("outside")


class TestRolesOfOneProcess:
    async def test_one_event_at_a_time_runs_alone(self, store: Any) -> None:
        """Whatever role it is of: the board of a process names one event, so that a death speaks of that one."""
        turn, board = asyncio.Lock(), ExclusiveBoard()
        intake = Attempts(store, KEYS, board, name_key=KEYS.intake_attempts, exclusive_turn=turn)
        media = Attempts(store, KEYS, board, exclusive_turn=turn)
        for attempts in (intake, media):
            await attempts.begin(PLACE)
        await intake.begin_exclusively(PLACE)
        waiting = asyncio.create_task(media.begin_exclusively(PLACE))
        await asyncio.sleep(0)
        assert board.read() == [KEYS.intake_attempts("video.uploaded", 1, 7)]
        await intake.end(PLACE)
        await waiting
        assert board.read() == [KEY]
        await media.withdraw(PLACE, was_exclusive=True)
        assert (board.read(), turn.locked()) == ([], False)

    async def test_each_counts_for_itself(self, store: Any) -> None:
        """An upload that kills intake is no suspect of the media role, which reads the same topic."""
        intake = Attempts(store, KEYS, name_key=KEYS.intake_attempts)
        for _ in range(5):
            last = await intake.begin(PLACE)
        assert (last.unclean_ends, (await Attempts(store, KEYS).begin(PLACE)).unclean_ends) == (4, 0)


class TestDeathsOfItsOwn:
    async def test_an_event_that_kills_its_worker_is_given_up(self, store: Any) -> None:
        """Three deaths in company, of which nobody knows whose they are, and two alone."""
        assert await Machine(store).num_deaths(lambda: "by itself") == 5

    async def test_also_where_the_kernel_kills_parent_and_worker_at_once(self, store: Any) -> None:
        """A container that is killed as a whole leaves nobody to tell, but the kernel's count."""
        assert await Machine(store).num_deaths(lambda: "memory, all at once") == 7

    @pytest.mark.parametrize("seed", range(10))
    async def test_in_any_mixture(self, store: Any, seed: int) -> None:
        """Deaths that the event brought about are at most eight, whatever else is killed in between."""
        chance, caused = random.Random(seed), 0

        def death() -> Death:
            nonlocal caused
            kinds: tuple[Death, ...] = ("outside", "by itself", "memory, all at once")
            chosen = chance.choice(kinds)
            caused += chosen != "outside"
            return chosen

        await Machine(store).num_deaths(death)
        caused_before_the_last_look = caused - 1  # asked for once more, and then it was given up
        assert caused_before_the_last_look <= MOST_DEATHS

    async def test_without_a_parent_every_death_alone_counts(self, store: Any) -> None:
        """Nobody could say that it came from outside, so the second one is enough."""
        for _ in range(20):
            await Attempts(store, KEYS).begin(PLACE)
        await Attempts(store, KEYS).begin_exclusively(PLACE)
        assert (await Attempts(store, KEYS).begin(PLACE)).is_hopeless is False
        await Attempts(store, KEYS).begin_exclusively(PLACE)
        assert (await Attempts(store, KEYS).begin(PLACE)).is_hopeless is True

    async def test_a_death_that_is_told_late_counts(self, store: Any) -> None:
        """The next worker may begin before the parent has reached the store."""
        machine = Machine(store)
        for _ in range(3):
            await machine.is_given_up("outside")
        for _ in range(2):
            await machine.is_given_up("outside")
            await Attempts(store, KEYS).note_death(KEY)
        assert await machine.is_given_up("outside")


class TestRealProcesses:
    """Workers as processes of their own, each the successor of one that was killed."""

    def worker(self, redis_url: str, act: str) -> subprocess.Popen[str]:
        """One that has begun the event; its `is_given_up` and `is_alone` follow on its standard output."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.integration.attempting_worker", act],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "VIDSIGNAL_REDIS_URL": redis_url, "VIDSIGNAL_TOPIC_PREFIX": "test."},
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self, process: subprocess.Popen[str]) -> dict[str, bool]:
        """What it says once it has begun."""
        assert process.stdout is not None
        said: dict[str, bool] = json.loads(process.stdout.readline())
        return said

    @pytest.mark.usefixtures("store")
    def test_kills_at_random_times_condemn_nothing(self, redis_url: str) -> None:
        """SIGKILL to the process that was started, six times, or as often as `VIDSIGNAL_TEST_KILLS` says."""
        chance, num_alone = random.Random(10), 0
        for _ in range(int(os.environ.get("VIDSIGNAL_TEST_KILLS", "6"))):
            with self.worker(redis_url, "wait") as process:
                said = self.said(process)
                time.sleep(chance.random() / 2)  # its work has no end, so any time is as good
                process.kill()
            assert not said["is_given_up"]
            num_alone += said["is_alone"]
        assert num_alone >= 3  # more deaths alone than give up an event that brings them about

    async def test_an_event_whose_work_is_killed_each_time_is_given_up(self, store: Any, redis_url: str) -> None:
        """The kernel kills the worker and leaves its parent, which tells; after three deaths two are enough."""
        for _ in range(3):
            await Attempts(store, KEYS).begin(PLACE)
        answers = []
        for _ in range(3):
            with self.worker(redis_url, "die") as process:
                answers.append(self.said(process)["is_given_up"])
            assert process.returncode == (0 if answers[-1] else -signal.SIGKILL)
        assert answers == [False, False, True]


class TestEndsInOrder:
    async def test_three_unclean_ends_lead_to_running_alone(self, store: Any) -> None:
        """Whatever they were."""
        attempts = Attempts(store, KEYS, ExclusiveBoard())
        begun = [await attempts.begin(PLACE) for _ in range(4)]
        assert [attempt.must_run_exclusively for attempt in begun] == [False, False, False, True]

    async def test_an_end_forgets_everything(self, store: Any) -> None:
        """An event that got through begins with a clean sheet, should it return; nothing stands on the board."""
        board = ExclusiveBoard()
        attempts = Attempts(store, KEYS, board)
        for _ in range(5):
            await attempts.begin(PLACE)
        await attempts.begin_exclusively(PLACE)
        await attempts.end(PLACE)
        assert (await attempts.begin(PLACE)).unclean_ends == 0
        assert board.read() == []

    async def test_a_start_that_is_taken_back_counts_for_nothing(self, store: Any) -> None:
        """Orderly stops leave the counts of deaths as they were, and a memory kill meanwhile is not theirs."""
        machine = Machine(store)
        for _ in range(3):
            await machine.is_given_up("outside")
        await machine.is_given_up("by itself")
        for _ in range(20):
            attempts = machine.new_worker()
            attempt = await attempts.begin(PLACE)
            assert (attempt.unclean_ends, attempt.exclusive_deaths, attempt.exclusive_memory_deaths) == (4, 1, 0)
            await attempts.begin_exclusively(PLACE)
            await attempts.withdraw(PLACE, was_exclusive=True)
            assert machine.board.read() == []
            machine.num_kills += 1

    async def test_taking_back_what_another_worker_ended_leaves_no_key(self, store: Any) -> None:
        """A key without an expiry would stay for ever."""
        attempts = Attempts(store, KEYS, ExclusiveBoard())
        await attempts.begin(PLACE)
        await attempts.begin_exclusively(PLACE)
        await Attempts(store, KEYS).end(PLACE)  # of another worker
        await attempts.withdraw(PLACE, was_exclusive=True)
        await attempts.note_death(KEY)
        assert await store.exists(KEY) == 0

    async def test_every_step_leaves_an_expiry(self, store: Any) -> None:
        """Whatever came before, and anyone who deleted the key in between."""
        attempts = Attempts(store, KEYS, ExclusiveBoard())
        await attempts.begin_exclusively(PLACE)
        assert 0 < await store.ttl(KEY) <= WEEK_SECONDS
        for _ in range(2):
            await attempts.begin(PLACE)
            assert 0 < await store.ttl(KEY) <= WEEK_SECONDS
        await attempts.withdraw(PLACE, was_exclusive=False)
        await attempts.note_death(KEY)
        assert 0 < await store.ttl(KEY) <= WEEK_SECONDS


class TestSlotCleanup:
    async def settled(self, store: Any, **state: bool) -> set[bytes]:
        """What is counted of an event that ran alone once, after its slot was given back in some state."""
        attempts = Attempts(store, KEYS, ExclusiveBoard())
        await attempts.begin(PLACE)
        await attempts.begin_exclusively(PLACE)
        slot = Slot(PLACE, 1)
        for name, value in state.items():
            setattr(slot, name, value)
        slot_cleanup = SlotCleanup(attempts)
        slot_cleanup.settle(slot)
        await slot_cleanup.drain(60)
        return {name for name, count in (await store.hgetall(KEY)).items() if count != b"0"}

    async def test_a_finished_event_is_forgotten(self, store: Any) -> None:
        """No count remains of an event that was answered."""
        assert await self.settled(store) == set()

    async def test_a_cancelled_event_gets_its_start_back(self, store: Any) -> None:
        """An orderly stop counts for nothing, also for an event that ran alone."""
        assert await self.settled(store, was_cancelled=True, is_exclusive=True) == set()

    async def test_a_crashed_event_keeps_its_count(self, store: Any) -> None:
        """The event whose work ended the process carries that on."""
        assert await self.settled(store, has_crashed=True) >= {b"started", b"alone"}


class TestMemoryKills:
    def test_the_kernel_tells(self) -> None:
        """Anybody may read its count, and which start of the machine it belongs to, as a decimal number."""
        found = memory_kills()
        assert UUID(int=int(found.boot_id)) == UUID(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        assert found.count >= 0
