"""A new release goes out under load, one worker after the other: nobody who uploads notices more than a delay."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import quantiles

import pytest

from ops.local.redis_server import RedisServer
from schemas.topics import MODERATION
from streams.kafka.readers_topics import decode_verdict
from streams.lifecycle.fatal_error import WorkerExit
from tests.pipeline import Pipeline, upload_of

CLIPS = ("park.mp4", "carphone_pristine.mp4", "shot_change.mp4", "crowd.mp3", "carphone_distorted.mp4")
UPLOAD_EVERY_SECONDS = 1.0
FINAL_SECONDS = 600
"""A slow machine takes long to start workers, and gets an upload a second meanwhile."""

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


@contextmanager
def uploading(pipeline: Pipeline, samples: Path) -> Iterator[list[str]]:
    """Upload at a steady rate until the block ends; gives the names of what was uploaded so far."""
    names: list[str] = []
    ending = threading.Event()

    def upload() -> None:
        for number in count():
            name = f"video-{number:03}"
            pipeline.publish(upload_of(samples / CLIPS[number % len(CLIPS)], name, title=f"Upload number {number}"))
            names.append(name)
            if ending.wait(UPLOAD_EVERY_SECONDS):
                return

    thread = threading.Thread(target=upload, daemon=True)
    thread.start()
    try:
        yield names
    finally:
        ending.set()
        thread.join(FINAL_SECONDS)


class TestRollingRestart:
    def test_nothing_is_lost_and_nothing_said_twice_differently(
        self,
        tmp_path: Path,
        kafka: str,
        redis_server: RedisServer,
        samples: Path,
        record_property: Callable[[str, object], None],
    ) -> None:
        """Every upload has a final verdict, no version has two contents, no dead letter is written, every worker stops
        well.

        Each worker gets its successor before it is asked to stop, as a surge of one does it.
        """
        with Pipeline.opened(
            tmp_path, bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=[samples]
        ) as pipeline:
            old = [pipeline.start_worker(name, wait=False) for name in ("left-1", "right-1")]
            for worker in old:
                worker.await_ready()
            with uploading(pipeline, samples) as names:
                for worker, successor in zip(old, ("left-2", "right-2"), strict=True):
                    pipeline.start_worker(successor)
                    child = worker.child
                    worker.close()
                    assert child.exit_code == WorkerExit.STOPPED, child.log_tail()
            verdicts = pipeline.await_verdicts(names, FINAL_SECONDS)
            pipeline.await_handled("intake", "media", "verdict")
            assert sorted(verdicts) == sorted(names)
            assert pipeline.dead_letters() == []
            self.require_one_content_a_version(pipeline)
            seconds = [verdict.decided_unix_seconds - verdict.uploaded_unix_seconds for verdict in verdicts.values()]
            p95_seconds = quantiles(seconds, n=20)[-1]
            record_property("upload_to_verdict_p95_seconds", p95_seconds)
            sys.stdout.write(f"{len(names)} uploads during two restarts, p95 to a final verdict {p95_seconds:.1f} s\n")

    def require_one_content_a_version(self, pipeline: Pipeline) -> None:
        contents: dict[tuple[str, object], set[bytes]] = defaultdict(set)
        for record in pipeline.records(MODERATION.name):
            assert record.value is not None
            verdict = decode_verdict(record.value)
            contents[verdict.video_id, verdict.version].add(record.value)
        assert [version for version, values in contents.items() if len(values) > 1] == []
