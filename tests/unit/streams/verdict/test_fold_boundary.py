"""The boundary around one video's fact: whose fault an error is, and deletions that must not wait."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from schemas.facts import Deleted, Fact, Failure
from streams.delivery.held_events import HeldEvents
from streams.record import Place, Record
from streams.store.gap import Gap
from streams.store.gaps import WaitingFact
from streams.store.outcomes import GapStands
from streams.verdict.boundary import ATTEMPTS, FoldBoundary
from streams.verdict.keyed_executor import KeyedExecutor
from streams.verdict.memory_faults import NUM_VIDEOS, WINDOW_SECONDS
from tests.fakes import ManualClock
from tests.sample_facts import VIDEO_ID, accepted

pytestmark = pytest.mark.usefixtures("silent_logs")

LIMIT_WINDOW_SECONDS = 600.0
DELETION = Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=1.0)

GAP = Gap("internal-error", "", 0, 0, 0, 0, 1.0, 0, "1", "", "", True)


@dataclass
class World:
    """A boundary whose work fails for as long as there is a fault; with `is_full`, no dead letter may be written."""

    fault: Exception | None = field(default_factory=lambda: ValueError("a bug"))
    is_full: bool = False
    dead_letter_fails: bool = False
    dies_before_dead_letter: bool = False
    waiting: list[WaitingFact] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    dead_letters: list[int] = field(default_factory=list)
    num_tries: int = 0

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.gaps: set[str] = set()
        self.owed: dict[int, Failure] = {}
        self.restart()

    def restart(self) -> None:
        """Begin as a new process, with what the store contains."""
        self.executor = KeyedExecutor()
        self.held = HeldEvents("verdict", self.clock, max_dead_letters=1, window_seconds=LIMIT_WINDOW_SECONDS)
        if self.is_full:
            assert self.held.may_give_up(place(99), Failure(cause="internal-error", message=""))
        told: Any = self
        self.boundary = FoldBoundary(told, told, self.clock, 0, self.held if self.is_full else None, self.withdraw)

    async def read(self, video_id: str) -> Gap | None:
        return replace(GAP, owed=dict(self.owed)) if video_id in self.gaps else None

    async def wait(self, fact: WaitingFact, now_unix_seconds: float) -> bool:
        del now_unix_seconds
        self.gaps.add(fact.video_id)
        self.waiting.append(fact)
        if fact.owed is not None:
            self.owed[fact.offset] = fact.owed
        return True

    async def note_written(self, video_id: str, offset: int) -> None:
        assert video_id in self.gaps
        self.owed.pop(offset, None)

    async def withdraw(self, video_id: str, deletion: Deleted | None) -> None:
        assert deletion == DELETION
        self.withdrawn.append(video_id)

    async def write(self, record: Record, failure: Failure, *, role: str, attempts: int = 1, **_: Any) -> None:
        assert (failure.cause, role) == ("internal-error", "verdict")
        del attempts
        if self.dies_before_dead_letter:
            await asyncio.Event().wait()
        if self.dead_letter_fails:
            raise ValueError("a bug of the dead letter")
        self.dead_letters.append(record.place.offset)

    async def run(self, fact: Fact, offset: int) -> None:
        """As the role does, in the lane of the video."""
        record = Record(place(offset), fact.video_id.encode(), b"{}", (), 1.0, 1)
        with self.boundary.expecting(fact, record):
            await self.executor.enqueue(
                fact.video_id, offset, lambda: self.boundary.answer(fact, record, lambda: self.fold(fact))
            )

    async def fold(self, fact: Fact) -> None:
        self.num_tries += 1
        if fact.video_id in self.gaps:
            raise GapStands(fact.video_id)
        if self.fault is not None:
            raise self.fault

    async def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1.0)
            for _ in range(20):
                await asyncio.sleep(0)

    async def end(self, *tasks: asyncio.Task[None]) -> None:
        for task in tasks:
            task.cancel()
        await self.executor.close()
        await asyncio.gather(*tasks, return_exceptions=True)


def place(offset: int) -> Place:
    return Place("video.signals", 0, offset)


def deletions_of(world: World) -> list[int]:
    return [fact.offset for fact in world.waiting if fact.deletion is not None]


class TestDeletionsAtTheLimit:
    async def test_a_deletion_acts_at_once(self) -> None:
        """Past the limit only its dead letter is held, until the window lets it go."""
        world = World(is_full=True)
        task = asyncio.ensure_future(world.run(DELETION, 0))
        await world.pass_time(30)
        assert (deletions_of(world), world.withdrawn, world.dead_letters) == ([0], [VIDEO_ID], [])
        assert world.held.is_paused
        await world.pass_time(LIMIT_WINDOW_SECONDS + 120)
        await task
        assert (world.withdrawn, world.dead_letters) == ([VIDEO_ID], [0])
        assert not world.held.is_paused

    async def test_a_deletion_behind_a_held_fact_acts_at_once(self) -> None:
        """It waits in the lane of its video for as long as the fact before it is held."""
        world = World(is_full=True)
        held = asyncio.ensure_future(world.run(accepted(), 0))
        await world.pass_time(30)
        assert (world.waiting, world.held.is_paused) == ([], True)
        deletion = asyncio.ensure_future(world.run(DELETION, 1))
        await world.pass_time(90)
        assert (deletions_of(world), world.withdrawn, world.dead_letters) == ([1], [VIDEO_ID], [])
        await world.pass_time(LIMIT_WINDOW_SECONDS + 120)
        await asyncio.gather(held, deletion)
        assert world.dead_letters == [0]

    async def test_a_deletion_behind_a_dead_letter_that_waits_acts_at_once(self) -> None:
        """The video was uploaded again meanwhile, and is deleted again before the window lets the dead letter go."""
        world = World(is_full=True)
        first = asyncio.ensure_future(world.run(DELETION, 0))
        await world.pass_time(30)
        second = asyncio.ensure_future(world.run(DELETION, 1))
        await world.pass_time(90)
        assert (deletions_of(world), len(world.withdrawn), world.dead_letters) == ([0, 1], 2, [])
        await world.end(first, second)

    async def test_a_gap_that_is_closed_needs_no_dead_letter(self) -> None:
        """All that waited was folded."""
        world = World(is_full=True)
        task = asyncio.ensure_future(world.run(DELETION, 0))
        await world.pass_time(30)
        world.gaps.clear()
        await world.pass_time(120)
        await task
        assert world.dead_letters == []

    async def test_facts_of_other_videos_stay_held(self) -> None:
        """A deletion opens the gap of its own video and of no other."""
        world = World(is_full=True)
        other = asyncio.ensure_future(world.run(accepted(video_id="other"), 0))
        deletion = asyncio.ensure_future(world.run(DELETION, 1))
        await world.pass_time(120)
        assert {fact.video_id for fact in world.waiting} == {VIDEO_ID}
        await world.end(other, deletion)
        assert world.boundary._deletions == {}


class TestWantOfMemory:
    async def test_is_one_videos_fault(self) -> None:
        """It is tried as often as anything else, and then has a gap and a dead letter."""
        world = World(MemoryError())
        task = asyncio.ensure_future(world.run(accepted(), 0))
        await world.pass_time(10)
        await task
        assert (world.num_tries, world.dead_letters, len(world.waiting)) == (ATTEMPTS, [0], 1)

    async def test_of_several_videos_ends_the_process(self) -> None:
        """Then none of them is to blame; those before it are answered, so that the next process gets on."""
        world = World(MemoryError())
        ended = [await end_of(world, f"video-{number}", number) for number in range(NUM_VIDEOS)]
        assert [type(error) for error in ended] == [type(None)] * (NUM_VIDEOS - 1) + [MemoryError]
        assert len(world.dead_letters) == NUM_VIDEOS - 1

    async def test_now_and_then_is_no_fault_of_the_machine(self) -> None:
        """Videos that lack memory far apart are each to blame."""
        world = World(MemoryError())
        for number in range(NUM_VIDEOS + 1):
            assert await end_of(world, f"video-{number}", number) is None
            await world.pass_time(WINDOW_SECONDS + 1)


async def end_of(world: World, video_id: str, offset: int) -> BaseException | None:
    task = asyncio.ensure_future(world.run(accepted(video_id=video_id), offset))
    await world.pass_time(10)
    await asyncio.wait([task])
    return task.exception()


async def test_a_dead_letter_that_cannot_be_written_ends_nobody() -> None:
    """The gap stands and says the same."""
    world = World(dead_letter_fails=True)
    assert await end_of(world, VIDEO_ID, 0) is None
    assert len(world.waiting) == 1


class TestProcessThatEnds:
    """Between the gap and the dead letter: the record is redelivered, and meets the gap."""

    async def test_the_next_one_writes_the_dead_letter(self) -> None:
        """Once: a later redelivery finds that nothing is owed, and facts behind it owe nothing."""
        world = World(dies_before_dead_letter=True)
        task = asyncio.ensure_future(world.run(accepted(), 0))
        await world.pass_time(10)
        await world.end(task)
        assert (len(world.waiting), world.dead_letters) == (1, [])
        world.dies_before_dead_letter = False
        world.restart()
        for offset in (0, 1, 0):
            assert await end_of(world, VIDEO_ID, offset) is None
        assert world.dead_letters == [0]

    async def test_the_next_one_waits_for_the_limit(self) -> None:
        """Of a deletion that acted while its dead letter was held; it is written when the window lets it go."""
        world = World(is_full=True)
        task = asyncio.ensure_future(world.run(DELETION, 0))
        await world.pass_time(30)
        await world.end(task)
        assert (deletions_of(world), world.dead_letters) == ([0], [])
        world.restart()
        task = asyncio.ensure_future(world.run(DELETION, 0))
        await world.pass_time(30)
        assert (world.dead_letters, world.held.is_paused) == ([], True)
        await world.pass_time(LIMIT_WINDOW_SECONDS + 120)
        await task
        assert world.dead_letters == [0]
