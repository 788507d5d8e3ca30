"""A Redis that comes back from an older copy while workers run: noticed at once, and made good by the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from ops.local.worker_process import WorkerProcess
from schemas.facts import Fact
from streams.lifecycle.fatal_error import WorkerExit
from streams.store.client import open_store
from streams.store.rollback_detector import RollbackDetector, StoreRolledBack
from tests.pipeline import Pipeline, await_value
from tests.sample_facts import accepted_now, deadline, signal

SETTLED_SECONDS = 180.0


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis of one's own, that keeps what it confirmed."""
    with scratch_dir() as folder, RedisServer(folder / "redis", persistent=True) as opened:
        yield opened


def begin(video_id: str) -> list[Fact]:
    """A video that waits for two modalities, one of which has answered."""
    return [accepted_now(video_id, ("frames", "audio")), signal("frames", video_id=video_id)]


class TestRollbackDetector:
    async def test_a_store_that_kept_its_word_is_used_on(self, server: RedisServer) -> None:
        """A restart alone is no reason to end."""
        rollback_detector = RollbackDetector()
        client = open_store(server.url, rollback_detector=rollback_detector)
        await client.hset("state", mapping={"log_generation": 0, "applied_offset": 7})
        rollback_detector.confirm("state", (0, 7))
        server.restart()
        assert await client.hget("state", "applied_offset") == b"7"
        await client.aclose()

    async def test_a_store_that_forgot_is_refused_for_good(self, server: RedisServer) -> None:
        """Not only the first call fails: nothing goes through until the worker has started again."""
        rollback_detector = RollbackDetector()
        client = open_store(server.url, rollback_detector=rollback_detector)
        await client.hset("state", mapping={"log_generation": 0, "applied_offset": 6})
        copy = server.snapshot("before")
        await client.hset("state", mapping={"log_generation": 0, "applied_offset": 7})
        rollback_detector.confirm("state", (0, 7))
        server.restart(snapshot=copy)
        for _ in range(2):
            with pytest.raises(StoreRolledBack, match="now has \\(0, 6\\)"):
                await client.hget("state", "applied_offset")
        await client.aclose()


class TestWorker:
    def test_it_ends_and_its_successor_reads_on_where_the_store_stands(
        self, tmp_path: Path, kafka: str, server: RedisServer
    ) -> None:
        """A fact that was folded after the copy is folded again, before the one that comes after the restore."""
        with Pipeline.opened(tmp_path, bootstrap_servers=kafka, redis_url=server.url, media_roots=[]) as pipeline:
            worker = pipeline.start_worker(roles="verdict")
            pipeline.write_facts(*begin("early"), *begin("late")[:1])
            pipeline.await_verdicts(["early", "late"], SETTLED_SECONDS, status="pending")
            pipeline.await_handled("verdict")  # the copy holds all that was written
            worker.close()
            copy = server.snapshot("before")
            worker = pipeline.start_worker("second", roles="verdict")
            pipeline.write_facts(begin("late")[1], signal("audio", video_id="early"))
            pipeline.await_verdicts(["early"], SETTLED_SECONDS)
            pipeline.await_handled("verdict")  # and none of what was written since
            server.restart(snapshot=copy)
            pipeline.write_facts(signal("audio", video_id="late"))
            self._ends(worker)
            pipeline.start_worker("third", roles="verdict")
            verdicts = pipeline.await_verdicts(["early", "late"], SETTLED_SECONDS)
            assert set(verdicts["late"].modalities.present) == {"frames", "audio"}
            self._await_all_told(pipeline, "early", "late")
            assert pipeline.command("projection", "compare", "redis", "topics").returncode == 0

    def test_a_worker_that_has_folded_nothing_notices_it_too(
        self, tmp_path: Path, kafka: str, server: RedisServer
    ) -> None:
        """Final videos stay final though Redis forgot why, their deadlines passed, and the worker had just started."""
        video_ids = [f"video-{number}" for number in range(6)]
        with Pipeline.opened(tmp_path, bootstrap_servers=kafka, redis_url=server.url, media_roots=[]) as pipeline:
            worker = pipeline.start_worker(roles="verdict")
            pipeline.write_facts(*(fact for video_id in video_ids for fact in begin(video_id)))
            pipeline.await_handled("verdict")
            copy = server.snapshot("pending")  # the worker writes nothing while there are no facts
            pipeline.write_facts(*(signal("audio", video_id=video_id) for video_id in video_ids))
            pipeline.await_handled("verdict")
            worker.close()
            worker = pipeline.start_worker("idle", roles="verdict")
            server.restart(snapshot=copy)
            pipeline.write_facts(*(deadline(video_id=video_id) for video_id in video_ids))
            self._ends(worker)
            worker = pipeline.start_worker("next", roles="verdict")
            pipeline.await_handled("verdict")
            assert {pipeline.verdicts()[video_id].status for video_id in video_ids} == {"final"}
            self._await_all_told(pipeline, *video_ids)
            server.restart(keep_state=False)  # and nobody has anything to fold
            self._ends(worker)
            assert pipeline.ask_store(lambda store: store.keys("*applied*")) == []

    def _ends(self, worker: WorkerProcess) -> None:
        child = worker.child
        assert await_value(lambda: child.exit_code, SETTLED_SECONDS, child.log_tail) == WorkerExit.CRASHED
        assert "was rolled back" in child.log_path.read_text()
        worker.close()

    def _await_all_told(self, pipeline: Pipeline, *video_ids: str) -> None:
        """Wait until the store is final, and both topics have said so: what is read again comes one by one."""

        def told() -> bool | None:
            verdicts, records = pipeline.verdicts(), pipeline.feature_records()
            readings = {video_id: pipeline.reading(video_id) for video_id in video_ids}
            are_told = (
                reading is not None
                and reading.status["status"] == "final"
                and records[video_id].version == verdicts[video_id].version
                for video_id, reading in readings.items()
            )
            return True if all(are_told) else None

        await_value(told, SETTLED_SECONDS, lambda: f"{[pipeline.reading(video_id) for video_id in video_ids]}")
