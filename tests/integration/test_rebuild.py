"""Redis is lost: the worker refuses, `vidsignal rebuild` fills it from the topics, and work goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from ops.local.redis_server import RedisServer
from streams.delivery.crash import WorkerExit
from streams.store.keys import Keys
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

SETTLED_SECONDS = 180.0


def known_letters(store: RedisServer, prefix: str) -> dict[bytes, bytes]:
    """The letters that a deletion of the first video would take back."""
    with redis.Redis.from_url(store.url) as client:
        found: dict[bytes, bytes] = client.hgetall(Keys(prefix).letters("first"))
        return found


class TestRebuild:
    def test_an_emptied_store_is_filled_from_the_topics(self, tmp_path: Path, kafka: str, samples: Path) -> None:
        """What was decided stands as before; an upload that arrived while Redis was being filled is decided, too."""
        with RedisServer(tmp_path / "redis") as store:
            pipeline = Pipeline.create(tmp_path, bootstrap_servers=kafka, redis_url=store.url, media_roots=[samples])
            try:
                before = self._decide_two(pipeline, samples)
                letters = known_letters(store, pipeline.settings.topic_prefix)
                store.restart(keep_state=False)
                self._refuses_to_start(pipeline)
                pipeline.start_worker("meanwhile", roles="intake,media")
                pipeline.publish(upload_of(samples / "small.mp4", "third"))
                told = pipeline.command("rebuild")
                assert (told.returncode, "partition 4 of 4" in told.stderr) == (0, True), told.stderr
                # the third may have been folded by the rebuild, or may still wait for the verdict role
                compared = pipeline.command("projection", "compare", str(before), "redis")
                assert compared.stdout.splitlines() in (["the same"], ["third: only in the second"])
                pipeline.start_worker("after", roles="verdict")
                pipeline.await_verdicts(["first", "second", "third"], SETTLED_SECONDS)
                assert len(letters) == 1
                # else a later deletion would not reach letters from before
                assert known_letters(store, pipeline.settings.topic_prefix) == letters
                assert len(pipeline.dead_letters()) == 1
            finally:
                pipeline.close()

    def _decide_two(self, pipeline: Pipeline, samples: Path) -> Path:
        worker = pipeline.start_worker("before")
        pipeline.publish(upload_of(samples / "park.mp4", "first"), upload_of(samples / "shot_change.mp4", "second"))
        pipeline.publish_bytes(b"no event", "first")
        pipeline.await_verdicts(["first", "second"], SETTLED_SECONDS)
        pipeline.await_dead_letters(1, SETTLED_SECONDS)
        pipeline.await_handled("intake", "media", "verdict")  # so that nothing of it comes again
        worker.close()
        path = pipeline.folder / "before.json"
        assert pipeline.command("projection", "dump", "--output", str(path)).returncode == 0
        return path

    def _refuses_to_start(self, pipeline: Pipeline) -> None:
        worker = pipeline.start_worker("refusing", roles="verdict", wait=False)
        child = worker.child

        def ended() -> int | None:
            return child.exit_code

        assert await_value(ended, SETTLED_SECONDS, child.log_tail) == WorkerExit.NEEDS_REBUILD
        assert "vidsignal rebuild" in child.log_tail().splitlines()[-1]
        worker.close()
