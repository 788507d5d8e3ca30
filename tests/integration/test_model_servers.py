"""A worker whose model server comes late, dies and returns with another version: what it says of itself, and its
videos."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from models.card_registry import CARDS
from models.opennsfw import load_opennsfw
from ops.assets.cache import default_cache_dir
from ops.local.ports import ReservedPort
from schemas.facts import Signal
from schemas.uploads import FileSource, VideoUploaded
from tests.integration.test_health import ask, await_missing, await_ready
from tests.pipeline import Pipeline, await_value
from tests.support.kserve_standin import KserveStandin, Served

CARD = CARDS["opennsfw"]
WAIT_SECONDS = 240.0
DEADLINE_SECONDS = 600.0

pytestmark = pytest.mark.slow


@dataclass
class LateServer:
    """A KServe server with the card's own model, at one address."""

    port: int
    running: ExitStack = field(default_factory=ExitStack)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, version: str) -> None:
        module = load_opennsfw(default_cache_dir())

        def compute(batch: np.ndarray) -> list[np.ndarray]:
            with torch.inference_mode():
                return [output.numpy() for output in module(torch.from_numpy(batch.copy()))]

        served = Served(
            compute, CARD.input_shape, CARD.input_dtype, CARD.outputs, max_batch_size=4,
            version=version,
        )  # fmt: skip
        self.running.enter_context(KserveStandin({CARD.name: served}, port=self.port))

    def stop(self) -> None:
        self.running.close()


@contextmanager
def late_server() -> Iterator[LateServer]:
    with ReservedPort() as port:
        server = LateServer(port.number)
        try:
            yield server
        finally:
            server.stop()


def upload(clip: Path, video_id: str) -> VideoUploaded:
    return VideoUploaded(
        video_id=video_id, source=FileSource(path=str(clip)), title="a walk", deadline_seconds=DEADLINE_SECONDS
    )


def signals(pipeline: Pipeline, video_id: str) -> dict[str, Signal]:
    return {signal.modality: signal for signal in pipeline.signals(video_id)}


def await_signals(pipeline: Pipeline, video_id: str, modalities: set[str]) -> dict[str, Signal]:
    def found() -> dict[str, Signal] | None:
        heard = signals(pipeline, video_id)
        return heard if modalities <= heard.keys() else None

    return await_value(found, WAIT_SECONDS, lambda: f"{video_id} has {sorted(signals(pipeline, video_id))}")


def test_a_server_that_comes_late_and_dies(kafka: str, redis_url: str, samples: Path, tmp_path: Path) -> None:
    """The worker starts without it, names model and server where it is asked whether it is ready, publishes what needs
    no server, and keeps the video; with the server it is ready and the video is complete. The same after the server has
    died; another version of the model gives signals another fingerprint."""
    clip = next(iter(sorted(samples.glob("*.mp4"))))
    others = {"audio", "motion", "context"}
    with late_server() as server, ReservedPort() as port:
        pipeline = Pipeline.create(
            tmp_path, bootstrap_servers=kafka, redis_url=redis_url, media_roots=[samples], partitions=1,
            health_port=str(port.number), roles="intake,media,verdict", kserve_url=server.origin,
            kserve_models=CARD.name, model_server_hosts="127.0.0.1", speech_ratio="0",
        )  # fmt: skip
        named = f"model {CARD.name} on {server.origin}: "
        try:
            worker = pipeline.start_worker()
            assert any(missing.startswith(named) for missing in worker.ready["missing"])
            await_missing(port.number, named)
            assert ask(port.number, "/livez")[0] == 200

            pipeline.publish(upload(clip, "late"))
            await_signals(pipeline, "late", others)
            assert "frames" not in signals(pipeline, "late")
            server.start(version="1")
            first = await_signals(pipeline, "late", {*others, "frames"})["frames"]
            await_ready(port.number)
            assert first.status == "ok"
            assert first.receipt.models[CARD.name].host == f"127.0.0.1:{server.port}"

            server.stop()
            await_missing(port.number, named)
            pipeline.publish(upload(clip, "dead"))
            await_signals(pipeline, "dead", others)
            server.start(version="2")
            second = await_signals(pipeline, "dead", {*others, "frames"})["frames"]
            await_ready(port.number)
            assert second.status == "ok"
            assert second.fingerprint != first.fingerprint
            assert pipeline.dead_letters() == []
        finally:
            pipeline.close()
