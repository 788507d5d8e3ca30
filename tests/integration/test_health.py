"""Alive and ready are two questions, and a worker that is stuck ends itself, so that a supervisor can start another."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from ops.local.metrics_page import read_metrics
from ops.local.ports import ReservedPort
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from ops.local.worker_process import WorkerProcess
from schemas.facts import Accepted
from streams.lifecycle.fatal_error import WorkerExit
from tests.documents import REPOSITORY
from tests.pipeline import Pipeline, await_value, upload_of
from tests.stalling_worker import STALLING_WORKER

WAIT_SECONDS = 180.0

pytestmark = pytest.mark.slow


@pytest.fixture
def port() -> Iterator[ReservedPort]:
    """Where the health endpoint shall listen: known before the worker reports it."""
    with ReservedPort() as reserved:
        yield reserved


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis of one's own, that keeps what it confirmed."""
    with scratch_dir() as folder, RedisServer(folder / "redis", persistent=True) as server:
        yield server


def pipeline_on(kafka: str, redis: RedisServer, folder: Path, **environment: str) -> Pipeline:
    return Pipeline.create(
        folder, bootstrap_servers=kafka, redis_url=redis.url, media_roots=[folder], partitions=1, **environment
    )


def ask(port: int, path: str) -> tuple[int, dict[str, Any]]:
    """Status and body; 0 where nobody answers."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())
    except (URLError, ConnectionError, TimeoutError, HTTPException):
        return 0, {}


def await_missing(port: int, words: str) -> None:
    """Wait until the worker is not ready, and says why."""

    def found() -> bool | None:
        status, body = ask(port, "/readyz")
        return (status == 503 and any(words in missing for missing in body["missing"])) or None

    await_value(found, WAIT_SECONDS, lambda: f"{ask(port, '/readyz')} does not name {words!r}")


def await_ready(port: int) -> None:
    await_value(lambda: ask(port, "/readyz")[0] == 200 or None, WAIT_SECONDS, lambda: str(ask(port, "/readyz")))


def await_end(worker: WorkerProcess) -> int:
    return await_value(lambda: worker.child.exit_code, WAIT_SECONDS, lambda: worker.child.log_tail())


def accepted(pipeline: Pipeline) -> list[str]:
    return [fact.video_id for fact in pipeline.facts() if isinstance(fact, Accepted)]


class TestEndpoint:
    def test_ready_follows_what_the_worker_can_do(
        self, kafka: str, redis: RedisServer, tmp_path: Path, port: ReservedPort
    ) -> None:
        """Not before it has joined, not while the store is unavailable, not while it drains; alive all along."""
        pipeline = pipeline_on(
            kafka, redis, tmp_path, health_port=str(port.number), metrics_port="0", roles="intake,verdict",
            drain_timeout_seconds="59",
        )  # fmt: skip
        try:
            redis.kill()  # it cannot join before somebody has looked
            worker = pipeline.start_worker(command=STALLING_WORKER, wait=False)
            await_missing(port.number, "has not joined its group")
            assert ask(port.number, "/livez")[0] == 200
            redis.restart()
            worker.await_ready()
            assert worker.ready["health_port"] == port.number
            await_ready(port.number)
            redis.kill()
            await_missing(port.number, "store does not answer")
            assert ask(port.number, "/livez")[0] == 200
            redis.restart()
            await_ready(port.number)
            clip = tmp_path / "clip.mp4"
            pipeline.publish(upload_of(clip, "video", title="held"))
            await_value(lambda: in_flight(worker) or None, WAIT_SECONDS, lambda: "nothing is in flight")
            os.kill(worker.child.pid, signal.SIGTERM)
            await_missing(port.number, "the worker is stopping")
            assert ask(port.number, "/livez")[0] == 200
            clip.touch()
            assert await_end(worker) == WorkerExit.STOPPED
            assert accepted(pipeline) == ["video"]
        finally:
            pipeline.close()

    def test_a_port_that_is_taken_is_a_wrong_setting(self, port: ReservedPort) -> None:
        """The worker reports it in one line, and no restart is asked for."""
        with socket.create_server(("127.0.0.1", port.number)):
            ended = subprocess.run(
                [sys.executable, "-m", "ops.cli", "worker", "--roles", "intake"],
                env={**os.environ, "VIDSIGNAL_HEALTH_PORT": str(port.number), "VIDSIGNAL_LOG_LEVEL": "error"},
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
                timeout=WAIT_SECONDS,
                check=False,
            )
        assert ended.returncode == WorkerExit.MISCONFIGURED
        assert "VIDSIGNAL_HEALTH_PORT" in ended.stderr
        assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr


def in_flight(worker: WorkerProcess) -> float:
    return read_metrics(worker.ready["metrics_port"]).total("vidsignal_events_in_flight", role="intake")


class TestStall:
    def test_a_worker_that_gets_nowhere_ends_itself_and_its_successor_goes_on(
        self, kafka: str, redis: RedisServer, tmp_path: Path
    ) -> None:
        """The event is named in the log first; then the stacks, the exit code of a stall, and nothing is lost."""
        pipeline = pipeline_on(
            kafka, redis, tmp_path, stall_timeout_seconds="12", slow_event_seconds="2", roles="intake"
        )
        try:
            stuck = pipeline.start_worker("stuck", command=STALLING_WORKER)
            pipeline.publish(upload_of("clip.mp4", "video-that-hangs", title="hang"))
            assert await_end(stuck) == WorkerExit.STALLED
            log = stuck.child.log_path.read_text()
            (named,) = [line for line in log.splitlines() if "slow event: still in progress" in line]
            assert "video_id=video-that-hangs" in named
            assert "role=intake" in named
            assert "intake finished nothing for 12 s, and 1 record waits" in log
            assert "in hang_for_ever" in log, "the task that hangs is not among the stacks"
            assert "Current thread" in log
            stuck.close()
            del pipeline.environment["VIDSIGNAL_STALL_TIMEOUT_SECONDS"]
            pipeline.start_worker("successor")
            await_value(lambda: accepted(pipeline) or None, WAIT_SECONDS, lambda: "the event was not redelivered")
            assert accepted(pipeline) == ["video-that-hangs"]
        finally:
            pipeline.close()

    def test_a_blocked_loop_is_not_alive_and_ends_the_worker(
        self, kafka: str, redis: RedisServer, tmp_path: Path, port: ReservedPort
    ) -> None:
        """The endpoint still answers, that it is not; then the stacks show who blocks, and the next worker goes on."""
        pipeline = pipeline_on(
            kafka, redis, tmp_path, event_loop_timeout_seconds="16", roles="intake", health_port=str(port.number)
        )
        try:
            blocked = pipeline.start_worker("blocked", command=STALLING_WORKER)
            await_value(lambda: ask(port.number, "/livez")[0] == 200 or None, WAIT_SECONDS, lambda: "never alive")
            pipeline.publish(upload_of("clip.mp4", "video-that-blocks", title="block"))
            await_value(lambda: ask(port.number, "/livez")[0] == 503 or None, WAIT_SECONDS, lambda: "always alive")
            assert await_end(blocked) == WorkerExit.STALLED
            log = blocked.child.log_path.read_text()
            assert "the event loop has stood still for 16 s" in log
            assert "in block_the_loop" in log
            blocked.close()
            del pipeline.environment["VIDSIGNAL_EVENT_LOOP_TIMEOUT_SECONDS"]
            pipeline.start_worker("successor")
            await_value(lambda: accepted(pipeline) or None, WAIT_SECONDS, lambda: "the event was not redelivered")
            assert accepted(pipeline) == ["video-that-blocks"]
        finally:
            pipeline.close()
