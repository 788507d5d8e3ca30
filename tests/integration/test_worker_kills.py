"""Workers die, and nothing shows: the end is the same as that of an undisturbed run.

`make worker-kills` does it with 200 uploads, the test of every day with fewer, and as many kills.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from ops.local.redis_server import RedisServer
from schemas.uploads import VideoUploaded
from tests.pipeline import Pipeline, await_value, upload_of

SEED = 20_261_121
NUM_UPLOADS = 200 if os.environ.get("VIDSIGNAL_WORKER_KILLS") == "full" else 64
NUM_KILLS = 8
CLIPS = ("park.mp4", "carphone_pristine.mp4", "shot_change.mp4", "crowd.mp3", "carphone_distorted.mp4")
"""Short ones: the point is how many die, not how long they are."""

READY_SECONDS = 300.0
FINAL_SECONDS = 900.0

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


def uploads_of(samples: Path) -> list[VideoUploaded]:
    return [
        upload_of(
            samples / CLIPS[number % len(CLIPS)],
            f"video-{number:03}",
            title=f"Clip number {number} of a long day",
            creator_id=f"creator-{number % 7}",
        )
        for number in range(NUM_UPLOADS)
    ]


def pipeline_in(folder: Path, kafka: str, redis_server: RedisServer, samples: Path) -> Pipeline:
    return Pipeline.create(
        folder,
        bootstrap_servers=kafka,
        redis_url=redis_server.url,
        media_roots=[samples],
        default_deadline_seconds="3000",
    )


def undisturbed(pipeline: Pipeline, uploads: list[VideoUploaded]) -> None:
    """One worker, no faults."""
    pipeline.start_worker()
    pipeline.publish(*uploads)
    await_all_done(pipeline, uploads)


def await_all_done(pipeline: Pipeline, uploads: list[VideoUploaded]) -> None:
    """Wait for every final verdict, and until all that was delivered is acknowledged."""
    pipeline.await_verdicts([upload.video_id for upload in uploads], FINAL_SECONDS)
    pipeline.await_handled("intake", "media", "verdict", timeout_seconds=FINAL_SECONDS)


def under_kills(pipeline: Pipeline, uploads: list[VideoUploaded]) -> int:
    """Two workers; one of them is killed while its share of the uploads is in flight, again and again."""
    chance = random.Random(SEED)
    workers = {name: pipeline.start_worker(name, wait=False) for name in ("left", "right")}
    for worker in workers.values():
        worker.await_ready(READY_SECONDS)
    share = NUM_UPLOADS // NUM_KILLS
    for number in range(NUM_KILLS):
        batch = uploads[number * share : (number + 1) * share]
        before = len(pipeline.facts())
        pipeline.publish(*batch)
        some = chance.randrange(5, 2 * share)
        await_value(lambda: len(pipeline.facts()) >= before + some or None, FINAL_SECONDS, lambda: "no facts flow")  # noqa: B023
        victim = workers[chance.choice(sorted(workers))]
        victim.kill()
        victim.start()
        victim.await_ready(READY_SECONDS)
    await_all_done(pipeline, uploads)
    return NUM_KILLS


class TestWorkerKills:
    def test_two_workers_under_kills_end_like_an_undisturbed_run(
        self, tmp_path: Path, kafka: str, redis_server: RedisServer, samples: Path
    ) -> None:
        """Every video has its verdict, nothing healthy is dead-lettered, store and topics hold the same projection."""
        uploads = uploads_of(samples)
        calm = pipeline_in(tmp_path / "calm", kafka, redis_server, samples)
        stormy = pipeline_in(tmp_path / "stormy", kafka, redis_server, samples)
        try:
            undisturbed(calm, uploads)
            calm.workers[0].close()
            kills = under_kills(stormy, uploads)
            assert kills >= 8
            assert stormy.dead_letters() == []
            expected = dump(calm, "redis", tmp_path / "calm.json")
            for source in ("redis", "topics"):
                found = dump(stormy, source, tmp_path / f"stormy-{source}.json")
                compared = stormy.command("projection", "compare", str(expected), str(found))
                assert compared.returncode == 0, compared.stdout[-3000:]
        finally:
            calm.close()
            stormy.close()


def dump(pipeline: Pipeline, source: str, path: Path) -> Path:
    written = pipeline.command("projection", "dump", "--from", source, "--output", str(path))
    assert written.returncode == 0, written.stderr
    return path
