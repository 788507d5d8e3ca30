"""Videos that end after their last outcome, on a real Redis, and once with a real worker on a real Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ops.local.redis_server import RedisServer
from schemas.codec import encode
from schemas.facts import Fact
from schemas.outcomes import Outcome
from schemas.topics import MODERATION, RECOMMENDATION
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.decision.state import VideoState
from streams.similarity.vectors import Vectors
from streams.store.deadlines import Deadline, Deadlines
from streams.store.keys import Keys
from streams.store.outcomes import Outcomes
from streams.store.video_statuses import VideoStatuses
from streams.verdict.due_poller import DuePoller
from streams.verdict.expiry import Expiry, expiry_poller
from tests.fakes import ManualClock
from tests.integration.verdict_world import RULESET
from tests.pipeline import Pipeline, await_value
from tests.sample_facts import VIDEO_ID, accepted, signal

DAY_SECONDS = 86_400
KEPT_SECONDS = 14 * DAY_SECONDS
SPACE = "frames-space/3"
WAIT_SECONDS = 60.0


class World:
    """One video, folded as the verdict role folds, and the poll that ends it."""

    def __init__(self, redis: Redis, keys: Keys | None = None) -> None:
        self.redis = redis
        self.keys = keys or Keys()
        self.clock = ManualClock()
        self.outcomes = Outcomes(redis, self.keys)
        self.vectors = Vectors(redis, self.keys)
        self.expiring = Deadlines(redis, self.keys, self.keys.expiring())
        self.expiry = Expiry(self.expiring, KEPT_SECONDS)
        self.state: VideoState | None = None
        self.offset = 0

    def poll(self, *followers: Vectors) -> DuePoller:
        told = (*(followers or (self.vectors,)), self.expiry)
        return expiry_poller(self.outcomes, self.expiring, told, KEPT_SECONDS, self.clock)

    async def fold(self, *facts: Fact) -> Outcome | None:
        """The last outcome that the facts made, written with its vectors and its end."""
        made = None
        for fact in facts:
            context = FoldContext(RULESET.policy, RULESET.prices, 0, self.clock.now_unix_seconds())
            folded = fold(self.state, fact, self.offset, context)
            assert folded.state is not None
            assert await self.outcomes.replace(VIDEO_ID, self.state, folded.state, folded.outcome)
            self.state, self.offset, made = folded.state, self.offset + 1, folded.outcome or made
            if folded.outcome:
                await self.vectors.replace(folded.outcome)
                await self.expiry.replace(folded.outcome)
        return made

    async def decide(self) -> Outcome:
        outcome = await self.fold(accepted(expected=("frames",)), signal("frames"))
        assert outcome is not None
        return outcome

    async def is_kept(self) -> bool:
        """Whether everything of the video is there; fails where only a part is."""
        keys = [key(VIDEO_ID) for key in (self.keys.state, self.keys.status, self.keys.verdict, self.keys.features)]
        there = [bool(await self.redis.exists(key)) for key in keys] + [await self.has_vector()]
        assert len(set(there)) == 1, there
        return there[0]

    async def has_vector(self) -> bool:
        return await self.redis.execute_command("VEMB", self.keys.space(SPACE), VIDEO_ID) is not None


@pytest.fixture
def world(redis: Redis) -> World:
    return World(redis)


class LateVectors(Vectors):
    """Lets go of a video, and then a worker says something new of it."""

    world: World

    async def remove(self, video_id: str) -> None:
        await super().remove(video_id)
        await self.world.fold(signal("frames", generation=2))


class TestSweep:
    async def test_a_video_ends_after_its_last_outcome(self, world: World) -> None:
        """Not a moment before; then keys, vectors and the entry itself are gone."""
        await world.decide()
        world.clock.advance(KEPT_SECONDS - 1)
        await world.poll().poll()
        assert await world.is_kept()
        world.clock.advance(1)
        assert await world.poll().poll() == 1
        assert not await world.is_kept()
        assert await world.expiring.due(float("inf"), limit=10) == ()

    async def test_each_outcome_restarts_its_time(self, world: World) -> None:
        """The poll looks when the first one's time is up, and returns when the last one's is."""
        await world.decide()
        world.clock.advance(10 * DAY_SECONDS)
        await world.fold(signal("frames", generation=2))
        world.clock.advance(4 * DAY_SECONDS)
        assert await world.poll().poll() == 1
        assert await world.is_kept()
        world.clock.advance(10 * DAY_SECONDS)
        assert await world.poll().poll() == 1
        assert not await world.is_kept()

    async def test_what_is_said_meanwhile_stays(self, world: World) -> None:
        """A worker that folds between the vectors' removal and the keys' wins, and the vectors come back."""
        await world.decide()
        world.clock.advance(KEPT_SECONDS)
        late = LateVectors(world.redis, world.keys)
        late.world = world
        await world.poll(late).poll()
        assert await world.is_kept()
        assert [entry.video_id for entry in await world.expiring.due(float("inf"), limit=10)] == [VIDEO_ID]

    async def test_a_revision_that_only_begins_keeps_its_status(self, world: World) -> None:
        """Intake registered it; its `accepted` is still to be folded."""
        await world.decide()
        world.clock.advance(KEPT_SECONDS)
        await VideoStatuses(world.redis, world.keys).register(accepted(revision=2))
        await world.poll().poll()
        assert await world.redis.hget(world.keys.status(VIDEO_ID), "revision") == b"2"
        assert not await world.redis.exists(world.keys.state(VIDEO_ID), world.keys.verdict(VIDEO_ID))

    async def test_a_crash_between_the_steps_is_healed(self, world: World) -> None:
        """The entry stays until all is done, so the next poll does it again."""
        outcome = await world.decide()
        world.clock.advance(KEPT_SECONDS)
        await world.vectors.remove(VIDEO_ID)
        assert await world.poll().poll() == 1
        assert not await world.is_kept()
        await world.expiring.register(Deadline(VIDEO_ID, outcome.version.revision, 0.0))
        assert await world.poll().poll() == 1
        assert not await world.is_kept()

    async def test_the_same_upload_may_come_again(self, world: World) -> None:
        """The end is no deletion: no deletion marker keeps a new life off."""
        await world.decide()
        world.clock.advance(KEPT_SECONDS)
        await world.poll().poll()
        world.state = None
        await world.decide()
        assert await world.is_kept()

    async def test_without_the_setting_nothing_is_registered(self, world: World) -> None:
        """Anyone who keeps videos for ever pays nothing for it."""
        world.expiry = Expiry(world.expiring, 0)
        await world.decide()
        assert not await world.redis.exists(world.keys.expiring())


class TestWorker:
    @pytest.fixture
    def pipeline(self, tmp_path: Path, kafka: str, redis_server: RedisServer) -> Iterator[Pipeline]:
        made = Pipeline.create(
            tmp_path, bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=[],
            video_retention_seconds=str(KEPT_SECONDS),
        )  # fmt: skip
        yield made
        made.close()

    def test_videos_older_than_the_setting_end_by_the_audit(self, pipeline: Pipeline) -> None:
        """It gives them their end, a worker carries it out, and a rebuild leaves them out although topics hold them."""
        self._put_an_old_video(pipeline)
        pipeline.start_worker(roles="verdict")
        assert pipeline.reading(VIDEO_ID) is not None
        told = pipeline.command("audit", "--repair")
        assert told.returncode == 0, told.stderr

        def gone() -> bool | None:
            pipeline.require_workers()
            return None if pipeline.reading(VIDEO_ID) else True

        await_value(gone, WAIT_SECONDS, lambda: f"still there: {pipeline.reading(VIDEO_ID)}")
        rebuilt = pipeline.command("rebuild")
        assert rebuilt.returncode == 0, rebuilt.stderr
        assert pipeline.reading(VIDEO_ID) is None
        assert VIDEO_ID in pipeline.verdicts()
        assert pipeline.command("audit").returncode == 0

    def _put_an_old_video(self, pipeline: Pipeline) -> None:
        """As it was decided before the setting was there; the log forgot its facts since."""

        async def put(redis: Redis) -> Outcome:
            world = World(redis, Keys(pipeline.settings.topic_prefix))
            world.clock.unix_seconds = time.time() - KEPT_SECONDS - DAY_SECONDS
            world.expiry = Expiry(world.expiring, 0)
            outcome = await world.decide()
            await world.outcomes.mark_published(VIDEO_ID, outcome.version)
            return outcome

        outcome = pipeline.ask_store(put)
        for topic, event in ((MODERATION, outcome.verdict), (RECOMMENDATION, outcome.record)):
            pipeline.write(topic.name, (VIDEO_ID, encode(event)))
