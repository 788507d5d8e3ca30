"""What a deletion does that waits in a gap, without a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from schemas.facts import Deleted
from schemas.outcomes import Outcome, Version
from schemas.topics import MODERATION, RECOMMENDATION
from streams.store.deadlines import Deadline
from streams.store.deletion_reach import Hidden
from streams.store.gap import Gap
from streams.store.stored_case import StoredVideo
from streams.verdict.due_poller import tombstone_poller
from streams.verdict.expiry import expiry_poller
from streams.verdict.forgetting import Forgetting
from streams.verdict.stored_publishing import StoredPublishing
from streams.verdict.withdrawal import Withdrawal
from tests.fakes import ManualClock, MemoryPublisher
from tests.sample_facts import EXPECTED, VIDEO_ID, accepted
from tests.unit.streams.verdict.folding import ALL_SIGNALS, fold_all

pytestmark = pytest.mark.usefixtures("silent_logs")

REPEAT_SECONDS = 120.0
DELETION = Deleted(video_id=VIDEO_ID, revision=1, reason="", event_unix_seconds=1.0)
GAP = Gap("internal-error", "", 0, 0, 5, 5, 1.0, 0, "1", "", "", True, DELETION)
LAST = fold_all([accepted(expected=EXPECTED), *ALL_SIGNALS])[-1]
STORED = StoredVideo(LAST.state, LAST.outcome)
WITHDRAWN = replace(STORED, is_in_gap=True, is_withdrawn=True)
DELETED = fold_all([accepted(expected=EXPECTED), *ALL_SIGNALS, DELETION])[-1]
FORGOTTEN = StoredVideo(DELETED.state, None, is_published=True)
WHOLE = Hidden(verdict=True, evidence=True)


@dataclass
class World:
    """One video with a stored outcome and a gap; what reaches readers is kept in order."""

    hidden: Hidden | None = WHOLE
    gap: Gap | None = GAP
    stored: StoredVideo = WITHDRAWN
    follower_fails: bool = False
    while_publishing: Callable[[World], None] = lambda _: None
    followed: list[str] = field(default_factory=list)
    noted: dict[str, Any] = field(default_factory=dict)
    dead_letters_withdrawn: int = 0
    topics: MemoryPublisher = field(default_factory=MemoryPublisher)
    clock: ManualClock = field(default_factory=ManualClock)
    due: dict[str, float] = field(default_factory=dict)

    async def hide(self, _video_id: str, _deletion: Deleted | None) -> Hidden | None:
        return self.hidden

    async def read(self, _video_id: str) -> Any:
        return self.gap

    async def note(self, _video_id: str, **fields: Any) -> None:
        self.noted |= fields

    async def replace(self, outcome: Outcome) -> None:
        self.followed.append(f"replaced by {outcome.version.revision}")

    async def remove(self, _video_id: Any) -> None:
        if isinstance(_video_id, Deadline):
            self.due.pop(_video_id.video_id, None)
            return
        if self.follower_fails:
            raise ValueError("a vector of another length")
        self.followed.append("removed")

    async def register(self, deadline: Deadline) -> None:
        self.due[deadline.video_id] = deadline.due_unix_seconds

    async def claim(self, now_unix_seconds: float, *, seconds: float, limit: int) -> tuple[Deadline, ...]:
        del seconds, limit
        return tuple(Deadline(name, 1, due) for name, due in self.due.items() if due <= now_unix_seconds)

    async def publish(self, *arguments: Any, **more: Any) -> object:
        await self.topics.publish(*arguments, **more)
        self.while_publishing(self)
        return None

    async def withdraw(self, _video_id: str) -> int:
        self.dead_letters_withdrawn += 1
        return 0

    async def mark_published(self, _video_id: str, _version: Version) -> bool:
        return True

    @property
    def withdrawal(self) -> Withdrawal:
        told: Any = self
        forgetting = Forgetting(told, told, REPEAT_SECONDS)
        return Withdrawal(told, StoredPublishing(Stored(self), told, self.clock, forgetting, (told,)))  # type: ignore[arg-type]

    def last(self) -> list[bool]:
        """Whether the last record of each topic says anything."""
        return [self.topics.of(topic)[-1].value is not None for topic in (MODERATION, RECOMMENDATION)]


@dataclass
class Stored:
    """The store of the same video."""

    world: World

    async def read(self, _video_id: str) -> StoredVideo:
        return self.world.stored

    async def mark_published(self, *_: Any) -> bool:
        return True


def close_gap(world: World) -> None:
    """Another worker closes the gap, with an outcome that the deletion does not reach."""
    world.gap, world.stored = None, STORED


async def test_a_gap_that_is_closed_by_then_is_left_alone() -> None:
    """The deletion was folded with the rest: tombstones and removals would hit what lives."""
    world = World(hidden=None, gap=None, stored=STORED)
    await world.withdrawal(VIDEO_ID, DELETION)
    assert (world.topics.records, world.followed, world.dead_letters_withdrawn) == ([], [], 0)


async def test_a_gap_that_closes_meanwhile_has_the_last_word() -> None:
    """What it came to may be before the tombstones in the topics, and in the vectors before the removal."""
    world = World(while_publishing=close_gap)
    await world.withdrawal(VIDEO_ID, DELETION)
    assert world.last() == [True, True]
    assert world.followed == ["removed", "replaced by 1"]


async def test_the_last_word_is_had_although_the_tombstones_fail() -> None:
    """One of both topics may have its tombstone by then."""
    world = World(while_publishing=fail_and_close)
    with pytest.raises(ValueError, match="a bug"):
        await world.withdrawal(VIDEO_ID, DELETION)
    assert world.last() == [True, True]


def fail_and_close(world: World) -> None:
    if world.gap is not None:
        close_gap(world)
        raise ValueError("a bug of the publisher")


async def test_what_was_said_meanwhile_of_a_newer_revision_is_said_again() -> None:
    """It may be before the tombstones."""
    world = World(while_publishing=lambda world: setattr(world, "gap", replace(GAP, said="2.0.5", is_told=True)))
    await world.withdrawal(VIDEO_ID, DELETION)
    assert world.noted == {"told": "0"}


async def test_a_follower_that_fails_keeps_nothing_else_back() -> None:
    """Tombstones and dead letters do not depend on the vectors."""
    world = World(follower_fails=True)
    await world.withdrawal(VIDEO_ID, DELETION)
    assert (world.last(), world.dead_letters_withdrawn) == ([False, False], 1)


async def test_a_revision_that_lives_keeps_what_is_its_own() -> None:
    """Its outcome, its vectors and its dead letters."""
    world = World(hidden=Hidden(verdict=False, evidence=False))
    await world.withdrawal(VIDEO_ID, DELETION)
    assert (world.topics.records, world.followed, world.dead_letters_withdrawn) == ([], [], 0)


async def test_tombstones_come_once_more_while_the_deletion_waits() -> None:
    """A worker that dies late may publish an outcome behind the first ones; the gap may rest for a week."""
    world = World()
    await world.withdrawal(VIDEO_ID, DELETION)
    await world.topics.publish(MODERATION, VIDEO_ID, STORED.outcome.verdict if STORED.outcome else None)
    world.clock.advance(REPEAT_SECONDS)
    assert await tombstone_poller(world.withdrawal, world.clock).poll() == 1
    assert world.last() == [False, False]


async def test_followers_lose_sight_once_more_of_a_deleted_video() -> None:
    """The worker that dies late may have told them of its outcome, too."""
    world = World(gap=None, stored=FORGOTTEN, due={VIDEO_ID: 0.0})
    assert await tombstone_poller(world.withdrawal, world.clock).poll() == 1
    assert (world.last(), world.followed, world.dead_letters_withdrawn) == ([False, False], ["removed"], 1)


async def test_a_new_life_that_begins_meanwhile_has_the_last_word() -> None:
    """Its outcome may be before the repeated tombstones."""
    world = World(gap=None, stored=FORGOTTEN, due={VIDEO_ID: 0.0}, while_publishing=close_gap)
    assert await tombstone_poller(world.withdrawal, world.clock).poll() == 1
    assert (world.last(), world.followed) == ([True, True], ["removed", "replaced by 1"])


async def test_a_new_life_is_left_alone() -> None:
    """A video that is not deleted any more has nothing withdrawn."""
    world = World(gap=None, stored=STORED, due={VIDEO_ID: 0.0})
    assert await tombstone_poller(world.withdrawal, world.clock).poll() == 1
    assert (world.topics.records, world.followed) == ([], [])


@pytest.mark.parametrize("is_withdrawn", [True, False])
async def test_what_is_stored_is_published_only_where_no_deletion_waits(is_withdrawn: bool) -> None:
    """The state keeps the deleted outcome until the gap is closed."""
    world = World(stored=replace(STORED, is_in_gap=is_withdrawn, is_withdrawn=is_withdrawn))
    await world.withdrawal.publishing.publish_stored(VIDEO_ID)
    assert bool(world.topics.records) is not is_withdrawn
    assert world.followed == ([] if is_withdrawn else ["replaced by 1"])


async def test_a_video_at_its_end_does_not_return_to_the_vectors() -> None:
    """The poll of expired videos tells followers again what is stored; a deletion may wait by then."""
    world = World(due={VIDEO_ID: 0.0}, clock=ManualClock(1_800_000_000.0))
    told: Any = Ending(world)
    await expiry_poller(told, told, (told,), 60.0, world.clock).poll()
    assert world.followed == ["removed"]


@dataclass
class Ending(Stored):
    """The same video at its end; the deletion begins to wait while it is removed."""

    num_reads: int = 0

    async def read(self, _video_id: str) -> StoredVideo:
        self.num_reads += 1
        return STORED if self.num_reads == 1 else self.world.stored

    async def expire(self, *_: Any) -> bool:
        return False

    async def claim(self, *arguments: Any, **more: Any) -> tuple[Deadline, ...]:
        return await self.world.claim(*arguments, **more)

    async def replace(self, outcome: Outcome) -> None:
        await self.world.replace(outcome)

    async def remove(self, video_id: Any) -> None:
        await self.world.remove(video_id)
