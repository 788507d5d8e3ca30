"""Facts that cannot be folded, on a real Redis: what becomes of their video, and that others go on."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from schemas.facts import Review
from streams.store.readers import read_video
from streams.verdict.boundary import ATTEMPTS
from tests.integration.gap_world import KEYS, OTHER, World, break_fold, clip, rest
from tests.sample_facts import VIDEO_ID, deadline, signal

pytestmark = pytest.mark.usefixtures("silent_logs")


@pytest.fixture
def world(redis: Redis) -> World:
    return World(redis)


BROKEN_STATES = {
    "another type": ("SET", b"a value of somebody else"),
    "garbage": ("HSET", b"\x00\xff garbage"),
    "a cut state": ("HSET", b"x\x9c\x01\x02"),
    "another layout": ("HSET", b'{"layout": 9}'),
}


class TestUnreadableState:
    @pytest.mark.parametrize("how", BROKEN_STATES)
    async def test_is_folded_again_from_the_log(self, world: World, redis: Redis, how: str) -> None:
        """Others go on, and the next look at gaps folds the video again: all says what the log says."""
        command, value = BROKEN_STATES[how]
        await world.handle(*clip(), *clip(OTHER))
        if command == "SET":
            await redis.set(KEYS.state(VIDEO_ID), value)
        else:
            await redis.hset(KEYS.state(VIDEO_ID), "state", value)
        await world.handle(rest(), rest(OTHER))
        gap = await world.gaps.read(VIDEO_ID)
        assert gap is not None
        assert gap.cause == "unreadable-state"
        assert (await world.verdict(OTHER)).status == "final"
        assert (await world.verdict()).status == "pending"
        assert await world.look() == 1
        await world.check_healed()
        assert world.dead_letters.written == []

    async def test_fields_that_contradict_the_state_are_no_endless_race(self, world: World, redis: Redis) -> None:
        """Compare-and-set would lose for ever where the applied offset next to the state is another."""
        await world.handle(*clip())
        await redis.hset(KEYS.state(VIDEO_ID), "applied_offset", "x")
        await world.handle(rest())
        await world.look()
        await world.check_healed()


class TestFoldFails:
    async def test_a_gap_and_one_dead_letter_and_others_go_on(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is pending becomes the policy's action for failed, never allow; later facts are not folded over it."""
        await world.handle(*clip(), *clip(OTHER))
        calls = break_fold(monkeypatch, VIDEO_ID)
        await world.handle(rest(), rest(OTHER))
        assert calls.count(VIDEO_ID) == ATTEMPTS
        ((record, failure),) = world.dead_letters.written
        assert (record.place.offset, failure.cause) == (4, "internal-error")
        assert await world.look() == 0
        assert (await world.verdict(OTHER)).status == "final"
        verdict = await world.verdict()
        assert verdict.action != "allow"
        assert verdict.status == "provisional"
        assert {failure.cause for failure in verdict.modalities.failed.values()} == {"internal-error"}
        await world.handle(Review(
            video_id=VIDEO_ID, revision=1, action="allow", reviewer="r", reason="", event_unix_seconds=1.0
        ))  # fmt: skip
        assert calls.count(VIDEO_ID) > ATTEMPTS
        assert (await world.verdict()).action != "allow"
        assert len(world.dead_letters.written) == 1

    async def test_heals_once_it_can_be_folded(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Everything that waited is folded in its order, and readers keep that over what held meanwhile."""
        await world.handle(*clip())
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(rest())
        await world.look()
        monkeypatch.undo()
        await world.handle(deadline())
        world.clock.advance(3_600.0)
        assert await world.look() == 1
        await world.check_healed()

    async def test_the_last_decision_stands(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A decided video keeps its verdict, and the status names the gap."""
        await world.handle(*clip(), rest())
        decided = await world.verdict()
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(signal("audio", generation=2))
        await world.look()
        assert await world.verdict() == decided
        reading = await read_video(world.redis, KEYS, VIDEO_ID)
        assert reading is not None
        assert reading.status["gap"] == "internal-error"

    async def test_refolds_are_bounded(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """However long it lasts, one release reads the log a few times only, and another one tries again."""
        await world.handle(*clip())
        calls = break_fold(monkeypatch, VIDEO_ID)
        await world.handle(rest())
        for _ in range(50):
            await world.look()
            world.clock.advance(86_400.0)
        tried = len(calls)
        await world.look()
        assert len(calls) == tried
        monkeypatch.undo()
        world.start("2")
        await world.poll.wake()
        assert await world.look() == 1
        await world.check_healed()

    async def test_a_fault_of_the_store_ends_the_process(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A Redis that cannot save is no fault of one video: no gap, no dead letter."""

        async def refuse(*_: object, **__: object) -> int:
            raise ResponseError("MISCONF Redis is configured to save RDB snapshots")

        await world.handle(*clip())
        monkeypatch.setattr(world.outcomes, "_fold", refuse)
        with pytest.raises(ResponseError, match="MISCONF"):
            await world.handle(rest())
        assert await world.gaps.read(VIDEO_ID) is None
        assert world.dead_letters.written == []
