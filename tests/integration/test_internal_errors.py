"""Faults of our own on real workers: a role that pauses before it drains its topic, and intake that is killed."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.error import HTTPError

import pytest

from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from ops.local.worker_process import WorkerProcess
from schemas.codec import encode
from schemas.facts import Accepted
from schemas.topics import UPLOADED
from tests.breaking_worker import BREAKING_WORKER, BROKEN_MARK
from tests.integration.bad_input_cases import healthy
from tests.odd_records import publish_oddly
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

TIMEOUT_SECONDS = 300
LIMIT = 2
NUM_UPLOADS = 8


def readiness_of(worker: WorkerProcess) -> dict[str, Any]:
    """What `/readyz` says, whether it holds or not."""
    url = f"http://127.0.0.1:{worker.ready['health_port']}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
    except HTTPError as refused:
        found = json.load(refused)
    return found


class TestLimit:
    def test_a_broken_decoder_pauses_the_role_and_costs_no_more_than_the_limit(
        self, kafka: str, redis_server: RedisServer
    ) -> None:
        """It pauses, and reports it to probes and in its log; mended, every other upload is final."""
        with scratch_dir() as folder:
            pipeline = Pipeline.create(
                folder / "pipeline", bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=[folder],
                partitions=2, decode_processes="2", max_concurrent_videos="2", health_port="0",
                dead_letter_limit=str(LIMIT),
            )  # fmt: skip
            names = [f"video-{number}" for number in range(NUM_UPLOADS)]
            try:
                (folder / BROKEN_MARK).touch()
                fine = healthy(folder / "healthy.mp4")
                pipeline.publish(*(upload_of(fine, name) for name in names))
                worker = pipeline.start_worker(command=BREAKING_WORKER)
                paused = await_value(lambda: _paused(worker), TIMEOUT_SECONDS, worker.child.log_tail)
                dead_letters = pipeline.dead_letters()
                (folder / BROKEN_MARK).unlink()
                verdicts = pipeline.await_verdicts(names, TIMEOUT_SECONDS)
                await_value(lambda: _is_ready(worker), TIMEOUT_SECONDS, worker.child.log_tail)
                dead_letters_at_last = pipeline.dead_letters()
            finally:
                pipeline.close()
        assert paused["roles"]["media"]["state"] == "dead-letter-limit"
        assert {dead_letter.cause for dead_letter in dead_letters_at_last} == {"internal-error"}
        assert len(dead_letters) == len(dead_letters_at_last) == LIMIT
        given_up = {(dead_letter.key or b"").decode() for dead_letter in dead_letters_at_last}
        failed = {name for name, verdict in verdicts.items() if verdict.modalities.failed}
        assert failed == given_up

    def test_an_upload_that_kills_intake_is_given_up_alone(self, kafka: str, redis_server: RedisServer) -> None:
        """After five deaths it is one dead letter; what is around it is accepted, odd headers or not."""
        with scratch_dir() as folder, Pipeline.opened(
            folder / "pipeline", bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=[folder],
            partitions=1, roles="intake",
        ) as pipeline:  # fmt: skip
            pipeline.publish(upload_of("a.mp4", "before"))
            publish_oddly(kafka, pipeline.topic(UPLOADED.name), "odd", encode(upload_of("a.mp4", "odd")))
            pipeline.publish(*(upload_of("a.mp4", name) for name in ("deadly", "behind")))
            num_deaths = _supervise(pipeline)
            accepted = [fact.video_id for fact in pipeline.facts() if isinstance(fact, Accepted)]
            [dead_letter] = pipeline.dead_letters()
        assert num_deaths == 5  # three in company, two alone
        assert (dead_letter.cause, dead_letter.key, dead_letter.role) == ("crash-loop", b"deadly", "intake")
        assert set(accepted) == {"before", "odd", "behind"}


def _paused(worker: WorkerProcess) -> dict[str, Any] | None:
    found = readiness_of(worker)
    return found if any("too many dead letters" in reason for reason in found["missing"]) else None


def _is_ready(worker: WorkerProcess) -> bool | None:
    return True if readiness_of(worker)["ready"] else None


def _supervise(pipeline: Pipeline) -> int:
    """Start the worker again whenever it died, as a supervisor would; return how often that was."""
    for num_deaths in range(12):
        if _lives_until_all_is_answered(pipeline, f"worker-{num_deaths}"):
            return num_deaths
    raise AssertionError("twelve deaths and no end")


def _lives_until_all_is_answered(pipeline: Pipeline, name: str) -> bool:
    worker = pipeline.start_worker(name, command=BREAKING_WORKER, wait=False)
    end = await_value(lambda: _ended(pipeline, worker), TIMEOUT_SECONDS, worker.child.log_tail)
    worker.close()
    return end == "answered"


def _ended(pipeline: Pipeline, worker: WorkerProcess) -> str | None:
    if worker.child.exit_code is not None:
        return "died"
    has_dead_letter = bool(pipeline.dead_letters())
    is_behind = any(isinstance(fact, Accepted) and fact.video_id == "behind" for fact in pipeline.facts())
    return "answered" if has_dead_letter and is_behind else None
