"""What is said while facts wait, on a real Redis, wherever its worker dies and anyone who closes the gap."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from streams.store.readers import read_video
from streams.store.video_statuses import VideoStatuses
from tests.integration.gap_world import EXPECTED, KEYS, World, break_fold, clip, rest
from tests.sample_facts import VIDEO_ID, accepted, signal

pytestmark = pytest.mark.usefixtures("silent_logs")


@pytest.fixture
def world(redis: Redis) -> World:
    return World(redis)


class Death(BaseException):
    """The worker ends here."""


class TestSaidInAGap:
    """What is said while facts wait never outlives the gap, wherever its worker dies and anyone who closes it."""

    @pytest.mark.parametrize("dies_at", ["before publishing", "between the topics", "after publishing", "never"])
    async def test_a_death_at_any_step(self, world: World, monkeypatch: pytest.MonkeyPatch, dies_at: str) -> None:
        """The next look says it whole, and what closes the gap outdoes it."""
        await world.handle(*clip())
        with monkeypatch.context() as broken:
            break_fold(broken, VIDEO_ID)
            await world.handle(rest())
            if dies_at != "never":
                with pytest.raises(Death):
                    await dying(world, dies_at)
            world.start("1")
            world.clock.advance(400.0)
            await world.look()
            said = world.published()[VIDEO_ID].verdict
            assert (said.status, await world.verdict()) == ("provisional", said)
        world.clock.advance(3_600.0)
        assert await world.look() == 1
        await world.check_healed()
        assert (await world.verdict()).version > said.version

    @pytest.mark.parametrize("dies_at", ["before publishing", "between the topics", "after publishing"])
    async def test_a_gap_that_is_closed_after_the_death(
        self, world: World, monkeypatch: pytest.MonkeyPatch, dies_at: str
    ) -> None:
        """Nobody says it again: another worker folds the video at once, and readers of both topics find that."""
        await world.handle(*clip())
        with monkeypatch.context() as broken:
            break_fold(broken, VIDEO_ID)
            await world.handle(rest())
            with pytest.raises(Death):
                await dying(world, dies_at)
        world.start("1")
        world.clock.advance(400.0)
        assert await world.look() == 1
        await world.check_healed()
        assert (await world.verdict()).version.offset > 2

    async def test_a_slow_worker_says_it_after_another_closed_the_gap(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its statement is behind the true outcome in the topics: the true one follows, under a higher version."""
        await world.handle(*clip())
        with monkeypatch.context() as broken:
            break_fold(broken, VIDEO_ID)
            await world.handle(rest())
            publish = world.broker.publish

            async def slow(*arguments: Any, **more: Any) -> None:
                world.broker.publish = publish  # type: ignore[method-assign]
                broken.undo()
                other = world.poll
                world.clock.advance(400.0)
                world.start("1")
                assert await world.poll.poll() == 1
                world.poll = other
                await publish(*arguments, **more)

            world.broker.publish = slow  # type: ignore[method-assign]
            await world.look()
        await world.check_healed()

    async def test_a_newer_revision_is_not_overwritten(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Intake may register it between the look at the status and the statement: that is decided about then."""
        await world.handle(*clip())
        break_fold(monkeypatch, VIDEO_ID)
        await world.handle(rest())
        said = world.gaps.said
        cases = VideoStatuses(world.redis, KEYS)

        async def overtaken(video_id: str) -> Any:
            found = await said(video_id)
            await cases.register(accepted(revision=2, expected=EXPECTED))
            return found

        monkeypatch.setattr(world.gaps, "said", overtaken)
        await world.look()
        reading = await read_video(world.redis, KEYS, VIDEO_ID)
        assert reading is not None
        assert reading.status["revision"] == "2"
        assert reading.verdict is not None
        assert reading.verdict.version.revision == 2
        assert reading.verdict.action != "allow"

    async def test_a_state_without_an_outcome_leaves_nothing_said(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the log has no `accepted` yet, closing the gap makes no outcome: what was said goes all the same."""
        await VideoStatuses(world.redis, KEYS).register(accepted(expected=EXPECTED))
        with monkeypatch.context() as broken:
            break_fold(broken, VIDEO_ID)
            await world.handle(signal("frames"))
            await world.look()
            assert (await world.verdict()).status == "provisional"
        world.clock.advance(3_600.0)
        assert await world.look() == 1
        reading = await read_video(world.redis, KEYS, VIDEO_ID)
        assert reading is not None
        assert (reading.verdict, reading.status["status"]) == (None, "pending")
        await world.handle(accepted(expected=EXPECTED), rest())
        await world.check_healed()


async def dying(world: World, dies_at: str) -> None:
    """One look whose worker dies at a step of what it says."""
    publish, told = world.broker.publish, world.gaps.told
    topics: list[str] = []

    async def deadly(topic: Any, *arguments: Any, **more: Any) -> None:
        if dies_at == "before publishing" or (dies_at == "between the topics" and topics):
            raise Death
        topics.append(topic.name)
        await publish(topic, *arguments, **more)

    async def dead(*_: Any) -> bool:
        raise Death

    world.broker.publish = deadly  # type: ignore[method-assign]
    world.gaps.told = dead  # type: ignore[method-assign]
    try:
        await world.poll.poll()
    finally:
        world.broker.publish, world.gaps.told = publish, told  # type: ignore[method-assign]
