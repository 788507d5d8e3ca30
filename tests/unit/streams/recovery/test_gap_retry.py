"""The poll of gaps, without a store: what it does where something ends between two of its steps, or fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from redis.exceptions import ResponseError

from schemas.codec import encode
from schemas.facts import Deleted
from streams.decision.state import VideoState
from streams.kafka.clients import BrokerUnavailable
from streams.recovery.gap_retry import MAX_REFOLDS, GapRetry, Refolded
from streams.recovery.rebuilt import Rebuilt
from streams.recovery.refold_report import Fault
from streams.store.deadlines import Deadline
from streams.store.gap import Gap
from streams.store.gaps import LOOK_AGAIN_SECONDS, Gaps, WaitingFact
from streams.store.keys import Keys
from streams.store.outcomes import GapStands
from tests.fakes import ManualClock

pytestmark = pytest.mark.usefixtures("silent_logs")

VIDEO_ID = "video-1"
PARTITION = 3
RELEASE = "1"
GAP = Gap("internal-error", "", PARTITION, 0, 5, 5, 1.0, 0, RELEASE, "", "", False)
DELETION = Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=1.0)
VIDEO = Rebuilt(VideoState(log_generation=0, applied_offset=5), None, is_published=False)


class Marks:
    """One sorted set, as a dictionary."""

    def __init__(self, *video_ids: str) -> None:
        self.due = dict.fromkeys(((video_id, PARTITION) for video_id in video_ids or (VIDEO_ID,)), 0.0)

    async def count(self) -> int:
        return len(self.due)

    async def claim(self, now_unix_seconds: float, *, seconds: float, limit: int) -> tuple[Deadline, ...]:
        del limit
        found = [name for name, due in self.due.items() if due <= now_unix_seconds]
        self.due |= dict.fromkeys(found, now_unix_seconds + seconds)
        return tuple(Deadline(*name, self.due[name]) for name in found)

    async def postpone(self, mark: Deadline) -> None:
        self.due[mark.video_id, mark.revision] = mark.due_unix_seconds

    async def remove(self, mark: Deadline) -> bool:
        name = mark.video_id, mark.revision
        is_same = self.due.get(name) == mark.due_unix_seconds
        if is_same:
            del self.due[name]
        return is_same


@dataclass
class World:
    """One video with a mark, and what becomes of it."""

    gap: Gap | None = GAP
    refold_fails: Exception | None = None
    close_fails: Exception | None = None
    mend_fails: Exception | None = None
    repaired: list[Rebuilt | None] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    clock: ManualClock = field(default_factory=ManualClock)
    marks: Marks = field(default_factory=Marks)
    release: str = RELEASE
    noted: dict[str, Any] = field(default_factory=dict)
    num_read: int = 0
    opens_again: bool = False
    """Whether the next fact cannot be folded either, and comes while the former ones are published."""

    async def read(self, video_id: str) -> Gap | None:
        del video_id
        return self.gap

    async def note(self, video_id: str, **fields: Any) -> None:
        del video_id
        self.noted |= fields
        if self.gap is not None and "refolds" in fields:
            release = fields.get("release", self.gap.release)
            died = frozenset(fields["died"].split(",")) if "died" in fields else self.gap.died_releases
            self.gap = replace(self.gap, num_refolds=fields["refolds"], release=release, died_releases=died)

    async def note_refolds(self, video_id: str, number: int, **fields: Any) -> None:
        await self.note(video_id, refolds=number, **fields)
        if self.gap is not None:
            self.gap = replace(self.gap, refolds_by_release={**self.gap.refolds_by_release, self.release: number})

    async def close_empty(self, video_id: str, *_: Any) -> bool:
        del video_id
        self.gap = None
        return True

    async def close_gap(self, video_id: str, *folded: Any) -> bool:
        del video_id, folded
        if self.close_fails is not None:
            raise self.close_fails
        self.gap = None
        return True

    async def refold(self, partition: int, videos: Mapping[str, str]) -> Refolded:
        del partition
        self.num_read += 1
        if self.refold_fails is not None:
            raise self.refold_fails
        return Refolded(dict.fromkeys(videos, VIDEO), {}, dict.fromkeys(videos, 5))

    async def repair(self, video_id: str, video: Rebuilt | None) -> None:
        del video_id
        if self.mend_fails is not None:
            raise self.mend_fails
        self.repaired.append(video)
        if self.opens_again:
            self.gap = GAP
            await self.marks.postpone(Deadline(VIDEO_ID, PARTITION, self.clock.now_unix_seconds()))

    async def say(self, video_id: str) -> None:
        self.said.append(video_id)

    async def poll(self) -> int:
        told: Any = self
        return await GapRetry(told, told, self.refold, self.repair, told, self.clock).poll()


async def test_what_was_folded_again_is_published_although_its_worker_died() -> None:
    """A gap may be closed and nothing published: a worker died between, or a rebuild closed it. The mark tells."""
    world = World(gap=None)
    await world.poll()
    assert world.repaired == [None]
    assert world.marks.due == {}


async def test_its_mark_stands_until_it_is_published() -> None:
    """Where publishing fails unexpectedly, nobody else would come back to it; and nothing is said in its place."""
    world = World(mend_fails=ValueError("a bug"))
    await world.poll()
    assert (world.gap, world.said, len(world.marks.due)) == (None, [], 1)
    world.clock.advance(60.0)
    await world.poll()
    assert len(world.marks.due) == 1
    world.mend_fails = None
    world.clock.advance(60.0)
    await world.poll()
    assert (world.repaired, world.marks.due) == ([None], {})


async def test_an_unavailable_broker_uses_up_no_refolds() -> None:
    """An outage of hours must not leave a gap to rest for a week, nor be said to be the video's failure."""
    world = World(refold_fails=BrokerUnavailable("no broker"))
    for _ in range(20):
        await world.poll()
        world.clock.advance(60.0)
    assert world.said == []
    world.refold_fails = None
    assert await world.poll() == 1
    assert world.repaired == [VIDEO]


async def test_later_facts_use_up_no_refolds() -> None:
    """Facts that come while the log is read again have it read once more; that is no failure."""
    world = World(close_fails=GapStands(VIDEO_ID))
    for _ in range(20):
        await world.poll()
    world.close_fails = None
    assert await world.poll() == 1


async def test_a_gap_that_is_opened_again_meanwhile_keeps_its_mark() -> None:
    """Without a mark nobody would look at it until the next fact comes."""
    world = World(opens_again=True)
    assert await world.poll() == 1
    assert world.gap == GAP
    world.opens_again = False
    assert await world.poll() == 1
    assert world.marks.due == {}


class AnotherType:
    """A Redis in which somebody wrote a string where the gap was."""

    def register_script(self, _text: str) -> Any:
        async def run(keys: list[str], args: list[str]) -> list[str]:
            del args
            raise AssertionError(f"{keys} must not be removed")

        return run

    async def hgetall(self, _key: str) -> Mapping[bytes, bytes]:
        raise ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")


async def test_a_gap_of_another_type_still_stands() -> None:
    """Anyone who looks at it must not remove it: later facts would be folded over those that wait."""
    redis: Any = AnotherType()
    gap = await Gaps(redis, Keys(), RELEASE).read(VIDEO_ID)
    assert gap is not None
    assert "WRONGTYPE" in gap.message


async def test_releases_that_both_died_over_a_video_do_not_take_turns() -> None:
    """During a rolling upgrade each release would else find the other's death, try again and die."""
    died = replace(GAP, cause="crash-loop", release="2", died_releases=frozenset(("1", "2")))
    world = World(gap=died, release="1")
    assert await world.poll() == 0
    assert (world.repaired, world.said) == ([], [VIDEO_ID])
    newer = World(gap=died, release="3")
    assert await newer.poll() == 1


async def test_an_outage_of_the_broker_condemns_no_newer_release() -> None:
    """It has not died over the video: once the log can be read, it folds it, also where an older release noted its
    death without a list of such releases."""
    world = World(gap=replace(GAP, cause="crash-loop", release="1"), release="2")
    world.refold_fails = BrokerUnavailable("no broker")
    assert await world.poll() == 0
    assert world.noted["died"] == "1"
    world.refold_fails = None
    world.clock.advance(60.0)
    assert await world.poll() == 1


async def test_a_crash_loop_is_folded_a_bounded_number_of_times() -> None:
    """Also by a release that did not die over it: its log may not be readable in time, again and again."""
    world = World(gap=replace(GAP, cause="crash-loop", release="1"), release="2", refold_fails=TimeoutError())
    for _ in range(20):
        await world.poll()
        world.clock.advance(8 * 86_400.0)
    assert world.gap is not None
    assert world.gap.num_refolds == MAX_REFOLDS


async def test_releases_that_take_turns_fold_a_bounded_number_of_times() -> None:
    """Each has its own number of refolds, whichever tried last: two builds may run next to one another for long."""
    world = World(gap=replace(GAP, release="0"), refold_fails=ValueError("a bug"))
    for turn in range(60):
        world.release = str(1 + turn % 2)
        await world.poll()
        world.clock.advance(8 * 86_400.0)
    assert world.num_read == 2 * MAX_REFOLDS


async def test_a_deletion_that_comes_during_a_refold_stays_noted() -> None:
    """What was read of the log before it says nothing of it."""
    world = World(gap=replace(GAP, is_deletion_waiting=True, deletion=DELETION))
    newer = replace(GAP, is_deletion_waiting=True, waiting_offset=9)

    async def refold(_partition: int, _videos: Mapping[str, str]) -> Refolded:
        world.gap = newer
        return Refolded({}, {VIDEO_ID: Fault("internal-error", 5, "")}, {VIDEO_ID: 5}, {VIDEO_ID: DELETION})

    told: Any = world
    assert await GapRetry(told, told, refold, world.repair, told, world.clock).poll() == 0
    assert "deletion" not in world.noted


async def test_a_deletion_that_an_older_release_let_wait_is_noted() -> None:
    """It wrote only that one waits; the log says which."""
    world = World(gap=replace(GAP, is_deletion_waiting=True))

    async def refold(_partition: int, _videos: Mapping[str, str]) -> Refolded:
        return Refolded({}, {VIDEO_ID: Fault("internal-error", 5, "")}, {VIDEO_ID: 5}, {VIDEO_ID: DELETION})

    told: Any = world
    assert await GapRetry(told, told, refold, world.repair, told, world.clock).poll() == 0
    assert world.noted["deletion"] == encode(DELETION)


BAD, GOOD = "video-bad", "video-good"
STEPS = ("read", "note", "say", "close_empty")


@dataclass
class Neighbours:
    """Two videos in gaps of one partition; a step fails over one of them."""

    step: str
    fault: Exception = field(default_factory=lambda: ValueError("a bug of one video"))
    rests: bool = False
    """Whether the bad video's gap is one that only a newer release may close."""
    closed: list[str] = field(default_factory=list)
    clock: ManualClock = field(default_factory=ManualClock)
    marks: Marks = field(default_factory=lambda: Marks(BAD, GOOD))
    release: str = RELEASE

    def _fail(self, step: str, video_id: str) -> None:
        if (step, video_id) == (self.step, BAD):
            raise self.fault

    async def read(self, video_id: str) -> Gap | None:
        self._fail("read", video_id)
        if video_id in self.closed:
            return None
        return replace(GAP, cause="crash-loop") if self.rests and video_id == BAD else GAP

    async def note(self, video_id: str, **_: Any) -> None:
        self._fail("note", video_id)

    async def note_refolds(self, video_id: str, number: int, **_: Any) -> None:
        del number
        self._fail("note", video_id)

    async def say(self, video_id: str) -> None:
        self._fail("say", video_id)

    async def refold(self, _partition: int, videos: Mapping[str, str]) -> Refolded:
        faults = {BAD: Fault("internal-error", 5, "")} if self.step == "say" else {}
        found = {video_id: VIDEO for video_id in videos if video_id == GOOD}
        return Refolded(found, faults, dict.fromkeys(videos, 5))

    async def close_empty(self, video_id: str, *_: Any) -> bool:
        self._fail("close_empty", video_id)
        return False

    async def close_gap(self, video_id: str, *_: Any) -> bool:
        self.closed.append(video_id)
        return True

    async def repair(self, video_id: str, video: Rebuilt | None) -> None:
        del video_id, video

    @property
    def retry(self) -> GapRetry:
        told: Any = self
        return GapRetry(told, told, self.refold, self.repair, told, self.clock)


@pytest.mark.parametrize("step", STEPS)
async def test_a_fault_over_one_gap_stops_no_other(step: str) -> None:
    """The video is looked at a little later, and those next to it are folded."""
    world = Neighbours(step)
    assert await world.retry.poll() == 1
    assert world.closed == [GOOD]
    assert list(world.marks.due) == [(BAD, PARTITION)]
    assert world.marks.due[BAD, PARTITION] <= world.clock.now_unix_seconds() + LOOK_AGAIN_SECONDS


async def test_a_gap_of_which_nothing_can_be_said_stops_no_other() -> None:
    """The same where the log is not read for it, as only a newer release may fold it."""
    world = Neighbours("say", rests=True)
    assert await world.retry.poll() == 1
    assert world.closed == [GOOD]
    assert world.marks.due[BAD, PARTITION] <= world.clock.now_unix_seconds() + LOOK_AGAIN_SECONDS


async def test_want_of_memory_ends_no_poll() -> None:
    """It has gone when the video is looked at again."""
    world = Neighbours("say", MemoryError())
    assert await world.retry.poll() == 1


async def test_a_fault_of_the_store_ends_the_process() -> None:
    """A Redis that refuses for a reason of its own is no video's fault."""
    world = Neighbours("say", ResponseError("MISCONF Redis is configured to save RDB snapshots"))
    with pytest.raises(ResponseError, match="MISCONF"):
        await world.retry.poll()


async def test_a_log_that_cannot_be_read_postpones_every_video() -> None:
    """Whatever fails next to the videos' own facts: none stays claimed, and something is said of each."""
    world = World(refold_fails=ValueError("a bug"))
    assert await world.poll() == 0
    assert world.said == [VIDEO_ID]
    assert world.marks.due[VIDEO_ID, PARTITION] <= world.clock.now_unix_seconds() + LOOK_AGAIN_SECONDS


async def _stopped_while_reading(world: World | Neighbours) -> None:
    """Cancel a poll while it reads the log."""
    reading = asyncio.Event()

    async def slow(_partition: int, _videos: Mapping[str, str]) -> Refolded:
        reading.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    told: Any = world
    poll = asyncio.ensure_future(GapRetry(told, told, slow, world.repair, told, world.clock).poll())
    await reading.wait()
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)


async def test_a_worker_that_stops_uses_up_no_refold() -> None:
    """Another one looks at once; rolling restarts must not leave a gap to rest."""
    world = World()
    await _stopped_while_reading(world)
    assert world.gap is not None
    assert world.gap.num_refolds == 0
    assert world.marks.due[VIDEO_ID, PARTITION] <= world.clock.now_unix_seconds()


async def test_a_worker_that_stops_gives_all_its_claims_back() -> None:
    """Those of other partitions, too, which it has not come to."""
    world = Neighbours("")
    world.marks.due[GOOD, PARTITION + 1] = world.marks.due.pop((GOOD, PARTITION))
    await _stopped_while_reading(world)
    assert set(world.marks.due.values()) == {world.clock.now_unix_seconds()}


@pytest.mark.parametrize(
    ("waits", "log_generation", "is_closed"),
    [(True, 0, True), (False, 0, False), (True, 1, False), (True, None, False)],
)
async def test_a_deletion_that_outlived_the_log(waits: bool, log_generation: int | None, is_closed: bool) -> None:
    """The state that it could not be folded into goes; not so if facts may lie in another log, or none is deleted."""
    world = World(gap=replace(GAP, is_deletion_waiting=waits))

    async def nothing(_partition: int, _videos: Mapping[str, str]) -> Refolded:
        return Refolded({}, {}, {}, log_generation=log_generation)

    told: Any = world
    assert await GapRetry(told, told, nothing, world.repair, told, world.clock).poll() == is_closed
    assert (world.gap is None) == is_closed


class OneSortedSet:
    """A Redis whose gap stands, and what it has in its sorted set."""

    def __init__(self) -> None:
        self.scores: dict[str, float] = {}

    def register_script(self, _text: str) -> Any:
        async def stands(**_asked: Any) -> int:
            return 0

        return stands

    async def hgetall(self, _key: str) -> Mapping[bytes, bytes]:
        return {}

    async def zadd(self, _key: str, entries: Mapping[str, float], *, lt: bool = False, nx: bool = False) -> None:
        for name, score in entries.items():
            known = self.scores.get(name)
            if known is None or not (nx or (lt and score >= known)):
                self.scores[name] = score


async def test_facts_that_wait_bring_no_refold_forward() -> None:
    """However many facts come, the log is read as seldom as after failures, and by nobody next to who claimed it."""
    store = OneSortedSet()
    redis: Any = store
    gaps = Gaps(redis, Keys(), RELEASE)
    mark = Deadline(VIDEO_ID, PARTITION, 5_000.0)
    fact = WaitingFact(VIDEO_ID, PARTITION, 0, 7, "internal-error", "")
    await gaps.wait(fact, 1_000.0)
    assert list(store.scores.values()) == [1_060.0]
    await gaps.marks.postpone(mark)
    await gaps.wait(fact, 1_001.0)
    assert list(store.scores.values()) == [5_000.0]
    await gaps.wait(replace(fact, deletion=DELETION), 1_002.0)
    assert list(store.scores.values()) == [1_002.0]
