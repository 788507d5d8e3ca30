"""A fact over which the fold ends its process costs its video, and no other and no worker for long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis.asyncio import Redis

from ops.cli.exit_codes import ExitCode
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from streams.lifecycle.fold_board import FoldedFact
from streams.lifecycle.own_deaths import EndKind, OwnDeaths
from streams.record import Place
from streams.store.gap import Gap
from streams.store.gaps import Gaps
from streams.store.keys import Keys
from streams.worker.note_death import note_fold_death
from tests.deadly_fold_worker import DEADLY, DEADLY_FOLD_WORKER
from tests.integration.gap_world import KEYS, OTHER, World, break_fold, clip, rest
from tests.pipeline import Pipeline, await_value
from tests.sample_facts import VIDEO_ID

EXPECTED_DEATHS = 2
PARTITION = ("video.signals", 0)
FACT = FoldedFact(VIDEO_ID, Place(*PARTITION, 4), 0)


class TestDeathsAreNoted:
    async def test_the_second_death_opens_the_gap(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        """Then nobody folds the video, its fact gets one dead letter, and only another release tries again."""
        world = World(redis)
        await world.handle(*clip(), *clip(OTHER))
        await note_fold_death(world.deaths, world.gaps, FACT, "crash")
        assert await world.gaps.read(VIDEO_ID) is None
        await note_fold_death(world.deaths, world.gaps, FACT, "crash")
        calls = break_fold(monkeypatch, "no video")
        await world.handle(rest(), rest(OTHER), rest())
        for _ in range(3):
            assert await world.look() == 0
            world.clock.advance(30 * 86_400.0)
        assert VIDEO_ID not in calls
        assert (await world.verdict(OTHER)).status == "final"
        assert (await world.verdict()).action != "allow"
        ((record, failure),) = world.dead_letters.written
        assert (record.place.offset, failure.cause) == (4, "crash-loop")
        world.start("2")
        await world.poll.wake()
        assert await world.look() == 1
        await world.check_healed()

    async def test_a_fact_that_was_folded_meanwhile_is_innocent(self, redis: Redis) -> None:
        """Deaths count only if the fact was not folded between them: others in the process may have caused them."""
        world = World(redis)
        await world.handle(*clip(), *clip(OTHER))
        for _ in range(5):
            await note_fold_death(world.deaths, world.gaps, FACT, "crash")
            fact = rest() if len(world.log) == FACT.place.offset else world.log.pop(FACT.place.offset)
            await world.handle(fact)
            assert await world.deaths.suspects(*PARTITION) == frozenset()
        assert await world.gaps.read(VIDEO_ID) is None
        assert (await world.verdict()).status == "final"

    async def test_a_refold_also_clears_it(self, redis: Redis) -> None:
        """Also if it is folded again for another reason, from the log; facts that it did not reach stay suspects."""
        world = World(redis)
        await world.handle(*clip(), *clip(OTHER))
        for offset in (1, 3):
            await world.deaths.note(Place(*PARTITION, offset), "crash")
        await world.refold(0, {VIDEO_ID: ""})
        assert await world.deaths.suspects(*PARTITION) == {3}

    @pytest.mark.parametrize(("ends", "is_given_up"), [
        (["unsure"] * 3, False), (["unsure"] * 4, True), (["crash", "unsure", "unsure"], False),
        (["unsure", "unsure", "crash", "crash"], True),
    ])  # fmt: skip
    async def test_kills_need_more(self, redis: Redis, ends: list[EndKind], is_given_up: bool) -> None:
        """The OOM killer may have been after something else in the process; a loop of such kills ends all the same."""
        world = World(redis)
        for end in ends:
            await note_fold_death(world.deaths, world.gaps, FACT, end)
        assert (await world.gaps.read(VIDEO_ID) is not None) is is_given_up

    async def test_foreign_counts_begin_again(self, redis: Redis) -> None:
        """They must not give up a fact."""
        world = World(redis)
        await redis.hset(KEYS.fold_deaths(*PARTITION), "4", "99,ninety")
        assert await world.deaths.note(FACT.place, "unsure") == OwnDeaths(0, 1)


@contextmanager
def _log_with_a_deadly_fact(kafka: str, redis_server: RedisServer) -> Iterator[Pipeline]:
    """Facts of one video whose fold ends the process, and of another one; no worker runs yet."""
    with scratch_dir() as folder, Pipeline.opened(
        folder / "pipeline", bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=[folder],
        partitions=1, roles="verdict",
    ) as pipeline:  # fmt: skip
        pipeline.write_facts(*clip(DEADLY), *clip(OTHER), rest(OTHER))
        yield pipeline


@pytest.mark.slow
class TestCrashLoop:
    def test_two_deaths_and_then_others_go_on(self, kafka: str, redis_server: RedisServer) -> None:
        """The worker dies by itself twice over one video; the third passes it over, and decides what is behind."""
        with _log_with_a_deadly_fact(kafka, redis_server) as pipeline:
            num_deaths = _supervise(pipeline)
            gap = pipeline.ask_store(lambda redis: _gap(redis, pipeline.settings.topic_prefix))
        assert num_deaths == EXPECTED_DEATHS
        assert gap is not None
        assert gap.cause == "crash-loop"

    def test_a_rebuild_leaves_the_video_out(self, kafka: str, redis_server: RedisServer) -> None:
        """Its process dies twice over one video, then fills the store with all others, and names it."""
        with _log_with_a_deadly_fact(kafka, redis_server) as pipeline:
            told = pipeline.command("rebuild", module="tests.deadly_fold_command")
            gap = pipeline.ask_store(lambda redis: _gap(redis, pipeline.settings.topic_prefix))
            verdict = pipeline.command("show", OTHER)
        assert told.returncode == ExitCode.FOUND, told.stderr
        assert told.stderr.count("beginning again") == EXPECTED_DEATHS
        assert f"video {DEADLY} is left out" in told.stderr
        assert gap is not None
        assert gap.cause == "crash-loop"
        assert verdict.returncode == 0, verdict.stderr


async def _gap(redis: Redis, prefix: str) -> Gap | None:
    return await Gaps(redis, Keys(prefix), "test").read(DEADLY)


def _supervise(pipeline: Pipeline) -> int:
    for number in range(6):
        worker = pipeline.start_worker(f"worker-{number}", command=DEADLY_FOLD_WORKER, wait=False)
        ended = await_value(lambda worker=worker: _ended(pipeline, worker.child.exit_code), 300, worker.child.log_tail)
        worker.close()
        if ended == "decided":
            return number
    raise AssertionError("six deaths and no end")


def _ended(pipeline: Pipeline, exit_code: int | None) -> str | None:
    if exit_code is not None:
        return "died"
    verdict = pipeline.verdicts().get(OTHER)
    return "decided" if verdict is not None and verdict.status == "final" else None
