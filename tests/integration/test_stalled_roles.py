"""A role that stops in silence: its consumer keeps its partitions, sends heartbeats, and hands out nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from confluent_kafka import Producer

from ops.local.metrics_page import MetricsPage, read_metrics
from ops.local.worker_process import WorkerProcess
from schemas.topics import ENGAGEMENT, SIGNALS
from streams.kafka.clients import producer_configuration
from streams.lifecycle.fatal_error import WorkerExit
from tests.paused_fetch_worker import FETCH_PAUSED_WHILE, PAUSED_FETCH_WORKER, obeyed
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

WAIT_SECONDS = 180.0
LIGHT_ROLES = ("intake", "verdict", "engagement")
UNREADY_SECONDS, EXIT_SECONDS = 6, 15


@pytest.fixture
def paused_while(tmp_path: Path) -> Path:
    """While this file is there nothing is fetched."""
    return tmp_path / "paused"


@pytest.fixture
def pipeline(
    kafka: str, redis_url: str, tmp_path: Path, paused_while: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """Light roles, whose patience is short."""
    monkeypatch.setenv(FETCH_PAUSED_WHILE, str(paused_while))
    made = Pipeline.create(
        tmp_path,
        bootstrap_servers=kafka,
        redis_url=redis_url,
        media_roots=[tmp_path],
        partitions=2,
        roles=",".join(LIGHT_ROLES),
        health_port="0",
        metrics_port="0",
        undelivered_unready_seconds=str(UNREADY_SECONDS),
        undelivered_exit_seconds=str(EXIT_SECONDS),
    )
    yield made
    made.close()


def ready(worker: WorkerProcess) -> dict[str, Any]:
    """What `/readyz` says; nothing where nobody answers."""
    address = f"http://127.0.0.1:{worker.ready['health_port']}/readyz"
    try:
        with urlopen(address, timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read())
    except HTTPError as error:
        with error:
            found = json.loads(error.read())
    except (URLError, ConnectionError, TimeoutError, HTTPException):
        found = {"missing": [], "roles": {}}
    return found


def stop_to_fetch(paused_while: Path) -> None:
    """Return when no role fetches any more."""
    paused_while.touch()
    await_value(
        lambda: all(obeyed(paused_while, role).exists() for role in LIGHT_ROLES) or None,
        WAIT_SECONDS,
        lambda: "a role fetches on",
    )


def feed(pipeline: Pipeline) -> None:
    """One record for each light role."""
    pipeline.publish(upload_of("clip.mp4", "video"))
    pipeline.write(SIGNALS.name, ("other", b"no fact"))
    producer = Producer(producer_configuration(pipeline.settings))
    event = {"event_id": "e", "video_id": "video", "kind": "view", "event_unix_seconds": time.time()}
    producer.produce(pipeline.topic(ENGAGEMENT.name), key="video", value=json.dumps(event))
    assert producer.flush(60) == 0


def page_of(worker: WorkerProcess) -> MetricsPage:
    return read_metrics(worker.ready["metrics_port"])


def states(worker: WorkerProcess) -> dict[str, str]:
    return {role: report["state"] for role, report in ready(worker)["roles"].items()}


class TestSilence:
    def test_a_role_that_is_delivered_nothing_is_not_ready_and_then_ends_the_worker(
        self, pipeline: Pipeline, paused_while: Path
    ) -> None:
        """Each role is named with its lag, the metrics say the same, and a successor does what waited."""
        paused = pipeline.start_worker("paused", command=PAUSED_FETCH_WORKER)
        await_value(
            lambda: set(states(paused).values()) == {"idle"} or None,
            WAIT_SECONDS,
            lambda: f"not idle: {states(paused)}",
        )
        stop_to_fetch(paused_while)
        feed(pipeline)

        def stalled() -> dict[str, Any] | None:
            found = ready(paused)
            return found if all(f"role {role} is stalled" in str(found["missing"]) for role in LIGHT_ROLES) else None

        found = await_value(stalled, WAIT_SECONDS, lambda: f"not stalled: {ready(paused)}")
        page = page_of(paused)
        for role in LIGHT_ROLES:
            assert found["roles"][role]["state"] == "stalled"
            assert found["roles"][role]["lag"] == 1
            assert page.total("vidsignal_consumer_lag", role=role) == 1
            assert page.total("vidsignal_role_stalled_seconds", role=role) >= UNREADY_SECONDS
            assert page.total("vidsignal_role_state", role=role, state="stalled") == 1
        exit_code = await_value(lambda: paused.child.exit_code, WAIT_SECONDS, lambda: paused.child.log_tail())
        assert exit_code == WorkerExit.STALLED
        log = paused.child.log_path.read_text()
        assert f"was delivered nothing for {EXIT_SECONDS} s, and 1 record waits" in log
        assert "Current thread" in log
        paused.close()
        paused_while.unlink()
        pipeline.start_worker("successor", command=PAUSED_FETCH_WORKER)
        pipeline.await_handled(*LIGHT_ROLES, timeout_seconds=WAIT_SECONDS)

    def test_a_role_that_hears_again_is_ready_again(self, pipeline: Pipeline, paused_while: Path) -> None:
        """Readiness comes back with the first delivery, and nobody ends."""
        pipeline.environment["VIDSIGNAL_UNDELIVERED_EXIT_SECONDS"] = "3600"
        paused = pipeline.start_worker("paused", command=PAUSED_FETCH_WORKER)
        stop_to_fetch(paused_while)
        feed(pipeline)
        await_value(lambda: "stalled" in states(paused).values() or None, WAIT_SECONDS, lambda: str(ready(paused)))
        paused_while.unlink()
        await_value(lambda: not ready(paused)["missing"] or None, WAIT_SECONDS, lambda: str(ready(paused)))
        pipeline.await_handled(*LIGHT_ROLES, timeout_seconds=WAIT_SECONDS)
        await_value(
            lambda: page_of(paused).total("vidsignal_consumer_lag") == 0 or None, WAIT_SECONDS, lambda: "records wait"
        )
        series = {dict(tags)["role"] for name, tags in page_of(paused).samples if name == "vidsignal_consumer_lag"}
        assert series == set(LIGHT_ROLES), "a partition that is assigned has its series, lag or not"
