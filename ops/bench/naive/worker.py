"""A stock Faust worker: `python -m ops.bench.naive.worker BOOTSTRAP TOPIC RESULTS CACHE_DIR`.

It consumes an upload, decodes the whole file, runs the same operators and models item by item, and publishes the
results. It has no claims, no ordered commits, no limits on its decoder and no policy, which saves time in its favour.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("OMP_NUM_THREADS", "1")

import faust
import mode
import torch

from operators.class_names import load_class_names
from operators.context.text_models import load_text_models
from operators.inference.inference import Inference
from operators.inference.request_context import RequestContext
from operators.media.session import MediaSession
from operators.native_threads import hold_to_one_thread
from ops.bench.naive.inference import NaiveHost, NaiveInference
from ops.bench.naive.session import decode_in_full
from ops.source_argument import path_of
from schemas.codec import decode_upload, encode
from schemas.uploads import VideoUploaded
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.agents.analysis import AgentWork, Analysis

READY_LINE = '{"event":"ready","device":"cpu"}'


class NaiveAnalysis:
    """The pipeline's agents over a full decode, with models that take one item after the other."""

    def __init__(self, cache_dir: Path) -> None:
        self._inference = cast("Inference", NaiveInference(cache_dir))
        self._text, self._class_names = load_text_models(cache_dir), load_class_names(cache_dir)
        self._host = NaiveHost()

    async def of(self, upload: VideoUploaded, event_unix_seconds: float) -> dict[str, Analysis]:
        """Return what each agent finds, by modality."""
        work = AgentWork(
            upload=upload,
            event_unix_seconds=event_unix_seconds,
            session=cast("MediaSession", decode_in_full(path_of(upload))),
            inference=self._inference,
            context=RequestContext(upload.video_id, upload.lane, math.inf),
            host=self._host,
            text=self._text,
            class_names=self._class_names,
        )
        return {name: await agent.analyse(work) for name, agent in AGENTS.items()}


def build(bootstrap_servers: str, topic: str, results: str, cache_dir: Path) -> faust.App:
    """The app with its one agent; models are loaded here."""
    torch.set_num_threads(1)
    hold_to_one_thread()
    app = _new_app(bootstrap_servers, f"{topic}-naive")
    uploads = app.topic(topic, key_type=bytes, value_type=bytes)
    answers = app.topic(results, key_type=bytes, value_type=bytes)
    naive = NaiveAnalysis(cache_dir)

    async def analyse(stream: Any) -> None:
        async for event in stream.events():
            upload = decode_upload(event.value)
            found = await naive.of(upload, event.message.timestamp)
            said = {name: {"features": each.features, "labels": each.labels} for name, each in found.items()}
            await (await answers.send(key=upload.video_id.encode(), value=encode(said)))

    app.agent(uploads)(analyse)
    return app


def _new_app(bootstrap_servers: str, name: str) -> faust.App:
    return faust.App(
        name,
        broker=f"kafka://{bootstrap_servers}",
        value_serializer="raw",
        key_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
        broker_session_timeout=30,
        datadir=tempfile.mkdtemp(prefix="vidsignal-naive-"),
    )


class ReadyApp(mode.Service):
    """Reports when the app has its partitions."""

    def __init__(self, app: faust.App) -> None:
        super().__init__()
        self._app = app

    async def on_start(self) -> None:
        """Start the app and wait for its first assignment."""
        await self.add_runtime_dependency(self._app)

    @mode.Service.task
    async def _announce(self) -> None:
        while not self._app.consumer or not self._app.consumer.assignment():
            await self.sleep(0.1)
        sys.__stdout__.write(READY_LINE + "\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


def main() -> None:
    """Run until SIGTERM."""
    bootstrap_servers, topic, results, cache_dir = sys.argv[1:]
    app = build(bootstrap_servers, topic, results, Path(cache_dir))
    mode.Worker(ReadyApp(app), loglevel="error", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
