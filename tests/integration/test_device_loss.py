"""A device after whose first fault every call fails: the worker ends, reports it, and condemns no video."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
from redis.asyncio import Redis

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from streams.lifecycle.fatal_error import WorkerExit
from tests.faulty_worker import FAULTY_WORKER, LOSS_MARK
from tests.integration.bad_input_cases import healthy
from tests.pipeline import Pipeline, await_value, upload_of
from tests.planted_faults import LOSS_COLOUR, coloured

pytestmark = pytest.mark.slow

LIFE_SECONDS = 300
"""At most, of one worker: it starts, and works."""
NUM_AFTER = 6


class TestLostDevice:
    def test_ends_the_worker_and_condemns_nothing(self, kafka: str, redis_server: RedisServer) -> None:
        """Exit code 72; not ready from the loss on; what it was at is redelivered, and its successor finishes all."""
        with scratch_dir() as folder:
            pipeline = Pipeline.create(
                folder / "pipeline", bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=[folder],
                partitions=1, health_port="0", max_concurrent_videos="3",
            )  # fmt: skip
            names = ["loses", *(f"after-{number}" for number in range(NUM_AFTER))]
            try:
                (folder / LOSS_MARK).touch()
                worker = pipeline.start_worker("first", command=FAULTY_WORKER)
                _publish(pipeline, folder, names)
                was_ready = _ready_until_end(worker.child, worker.ready["health_port"])
                log = worker.child.log_path.read_text()
                assert worker.child.exit_code == WorkerExit.DEVICE_LOST
                assert not (folder / LOSS_MARK).exists()
                assert "a fresh runner fails, too" in log
                since_loss = was_ready[next(number for number, ready in enumerate(was_ready) if not ready) :]
                assert was_ready[0] is True and True not in since_loss
                worker.close()
                pipeline.workers.remove(worker)
                pipeline.start_worker("second", command=FAULTY_WORKER)
                verdicts = pipeline.await_verdicts(names, LIFE_SECONDS)
                dead_letters = pipeline.dead_letters()
                attempts = pipeline.ask_store(
                    lambda store: store.keys(f"{pipeline.settings.topic_prefix}vs:attempts:*")
                )
                claims = pipeline.ask_store(lambda store: _lives_seconds(store, pipeline, "*:claims"))
            finally:
                pipeline.close()
        assert dead_letters == []
        assert {name: dict(verdicts[name].modalities.failed) for name in names} == {name: {} for name in names}
        assert attempts == []
        assert len(claims) == len(names) and min(claims) > 0  # every one of them expires


async def _lives_seconds(store: Redis, pipeline: Pipeline, pattern: str) -> list[int]:
    """How long each key of a pattern is still kept; below zero where it is kept for ever."""
    return [await store.ttl(key) for key in await store.keys(f"{pipeline.settings.topic_prefix}vs:{pattern}")]


def _publish(pipeline: Pipeline, folder: Path, names: list[str]) -> None:
    fine, loses = healthy(folder / "healthy.mp4"), coloured(folder / "loses.mp4", LOSS_COLOUR)
    pipeline.publish(*(upload_of(loses if name == "loses" else fine, name) for name in names))


def _ready_until_end(child: object, port: int) -> list[bool | None]:
    """What readiness said, until the process ended; None where nobody answered."""
    answers: list[bool | None] = []

    def ended() -> bool | None:
        answers.append(_is_ready(port))
        return child.exit_code is not None or None  # type: ignore[attr-defined]

    await_value(ended, LIFE_SECONDS, lambda: str(answers[-5:]))
    return answers


def _is_ready(port: int) -> bool | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except HTTPError as error:
        with error:
            return False
    except (URLError, ConnectionError, TimeoutError):
        return None
