"""Redis is lost: the worker refuses, `vidsignal rebuild` fills it from the topics, and work goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from ops.local.redis_server import RedisServer
from schemas.codec import encode
from schemas.topics import DEAD_LETTER, ENGAGEMENT
from schemas.uploads import DeletionRequested
from streams.lifecycle.fatal_error import WorkerExit
from streams.store.keys import Keys
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

SETTLED_SECONDS = 180.0


def known_dead_letters(store: RedisServer, prefix: str) -> dict[bytes, bytes]:
    """The dead letters that a deletion of the first video would take back."""
    with redis.Redis.from_url(store.url) as client:
        found: dict[bytes, bytes] = client.hgetall(Keys(prefix).letters("first"))
        return found


def active_dead_letters(pipeline: Pipeline) -> set[bytes]:
    """Keys of the dead letters that can be read."""
    last = {record.key or b"": record.value for record in pipeline.records(DEAD_LETTER.name)}
    return {key for key, value in last.items() if value is not None}


def guarded(pipeline: Pipeline, video_id: str) -> bool:
    """Whether a deletion keeps late facts of a video off."""
    deletion_marker = Keys(pipeline.settings.topic_prefix).deletion_marker(video_id)
    return bool(pipeline.ask_store(lambda store: store.exists(deletion_marker)))


class TestRebuild:
    def test_an_emptied_store_is_filled_from_the_topics(self, tmp_path: Path, kafka: str, samples: Path) -> None:
        """What was decided stands as before; an upload that arrived while Redis was being filled is decided, too."""
        with (
            RedisServer(tmp_path / "redis") as store,
            Pipeline.opened(tmp_path, bootstrap_servers=kafka, redis_url=store.url, media_roots=[samples]) as pipeline,
        ):
            before = self._decide_two(pipeline, samples)
            dead_letters = known_dead_letters(store, pipeline.settings.topic_prefix)
            store.restart(keep_state=False)
            self._refuses_to_start(pipeline)
            pipeline.start_worker("meanwhile", roles="intake,media,engagement")
            # the wrong event of a deleted video is read again while Redis knows of no deletion
            pipeline.await_dead_letters(2, SETTLED_SECONDS)
            assert len(active_dead_letters(pipeline)) == 2
            pipeline.publish(upload_of(samples / "small.mp4", "third"))
            told = pipeline.command("rebuild")
            assert (told.returncode, "partition 4 of 4" in told.stderr) == (0, True), told.stderr
            # the third may have been folded by the rebuild, or may still wait for the verdict role
            compared = pipeline.command("projection", "compare", str(before), "redis")
            assert compared.stdout.splitlines() in (["the same"], ["third: only in the second"])
            pipeline.start_worker("after", roles="verdict")
            pipeline.await_verdicts(["first", "second", "third"], SETTLED_SECONDS)
            assert len(dead_letters) == 1
            # else a later deletion would not reach dead letters from before
            assert known_dead_letters(store, pipeline.settings.topic_prefix) == dead_letters
            await_value(
                lambda: True if active_dead_letters(pipeline) == set(dead_letters) else None,
                SETTLED_SECONDS,
                lambda: f"{active_dead_letters(pipeline)} are to be read, of the remaining video {dead_letters}",
            )

    def _decide_two(self, pipeline: Pipeline, samples: Path) -> Path:
        worker = pipeline.start_worker("before")
        pipeline.publish(upload_of(samples / "park.mp4", "first"), upload_of(samples / "shot_change.mp4", "second"))
        pipeline.publish_bytes(b"no event", "first")
        pipeline.publish_bytes(encode(DeletionRequested(video_id="gone", deleted=True)), "gone")
        await_value(lambda: True if guarded(pipeline, "gone") else None, SETTLED_SECONDS, worker.child.log_tail)
        pipeline.write(ENGAGEMENT.name, ("gone", b"no event"))
        pipeline.await_verdicts(["first", "second"], SETTLED_SECONDS)
        pipeline.await_dead_letters(1, SETTLED_SECONDS)
        pipeline.await_handled("intake", "media", "engagement", "verdict")  # so that nothing of it returns
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
