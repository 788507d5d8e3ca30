"""The demo itself: servers and a worker on this machine, clips, and their results."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ops.assets import AssetUnavailable, fetch_samples, fetch_weights, make_reference_inputs
from ops.assets.bars import asset_progress
from ops.assets.sample_uploads import sample_uploads
from ops.cli.console import clean_interrupt, err, fail, logs_to_stderr, out
from ops.cli.demo_audience import show_audience
from ops.cli.demo_summary import summarise
from ops.cli.demo_uploads import demo_uploads
from ops.cli.demo_view import DemoView
from ops.cli.exit_codes import ExitCode
from ops.cli.publish import publish_uploads
from ops.cli.quick_read import read_quickly
from ops.cli.verdict_lines import describe_outcome
from ops.local.child import ChildDied
from ops.local.scratch import scratch_dir
from ops.local.stack import LocalStack
from ops.local.worker_process import WorkerProcess
from ops.source_argument import path_of
from schemas.uploads import VideoUploaded
from streams.config.settings import Settings, read_settings
from streams.store.keys import Keys
from streams.store.recognised_texts import read_texts

_LONGEST_SECONDS = 600.0
"""The demo gives up after this time without a further verdict."""


def walk(paths: list[Path] | None, *, is_kept: bool) -> None:
    """Run it; with `is_kept` everything stays up until Ctrl-C."""
    logs_to_stderr()
    cache_dir = read_settings().cache_dir
    with clean_interrupt():
        _fetch(cache_dir)
        uploads = demo_uploads(paths) if paths else sample_uploads(cache_dir)
        roots = {path_of(upload).parent for upload in uploads}
        with _running(roots, cache_dir) as (settings, worker, environment):
            _show(settings, worker, uploads)
            if is_kept:
                _stay(environment, worker, uploads)


def _fetch(cache_dir: Path) -> None:
    try:
        with asset_progress(err.rich) as progress:
            fetch_weights(cache_dir, progress)
            fetch_samples(cache_dir, progress)
        make_reference_inputs(cache_dir)
    except AssetUnavailable as error:
        fail(str(error), ExitCode.UNAVAILABLE)


@contextmanager
def _running(roots: set[Path], cache_dir: Path) -> Iterator[tuple[Settings, WorkerProcess, dict[str, str]]]:
    began = monotonic()
    err.print("starting the embedded broker (in memory, for this demo only), Redis 8 and a worker ...")
    with scratch_dir() as folder, LocalStack("embedded", cache_dir=cache_dir) as stack:
        environment = {
            **stack.environment(),
            "VIDSIGNAL_MEDIA_ROOTS": ",".join(str(root) for root in sorted(roots)),
            "VIDSIGNAL_CACHE_DIR": str(cache_dir),
            "VIDSIGNAL_METRICS_PORT": "0",
            "VIDSIGNAL_SPEECH_RATIO": "1",
            "VIDSIGNAL_RECOGNISED_TEXT_RETENTION_SECONDS": "3600",
        }
        worker = WorkerProcess(folder, environment)
        try:
            with worker:
                err.print(f"ready after {monotonic() - began:.1f} s: models are warm on {worker.ready['device']}")
                yield _settings(stack), worker, environment
        except ChildDied as error:
            fail(str(error), ExitCode.FOUND)


def _settings(stack: LocalStack) -> Settings:
    return read_settings(
        kafka_bootstrap_servers=stack.bootstrap_servers, redis_url=stack.redis_url, is_broker_embedded=True
    )


def _show(settings: Settings, worker: WorkerProcess, uploads: list[VideoUploaded]) -> None:
    view = DemoView(settings, {upload.video_id for upload in uploads})
    try:
        began = monotonic()
        publish_uploads(settings, uploads)
        _follow(view, worker, began)
    finally:
        view.close()
    names = {upload.video_id: path_of(upload).name for upload in uploads}
    for outcome in view.outcomes():
        out.print()
        out.print(f"[bold]{names[outcome.verdict.video_id]}[/]")
        video_id = outcome.verdict.video_id
        texts = read_quickly(settings, partial(read_texts, keys=Keys(settings.topic_prefix), video_id=video_id))
        for line in describe_outcome(outcome, texts):
            out.print(line, markup=False, soft_wrap=True)
    out.print()
    for line in (
        *summarise(view, worker.ready["metrics_port"], view.seconds_to_last),
        *show_audience(settings, names),
    ):
        out.print(line, markup=False, soft_wrap=True)


def _follow(view: DemoView, worker: WorkerProcess, began: float) -> None:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=err.rich, transient=True) as bar:
        task = bar.add_task("analysing", total=view.num_wanted)
        last_change = monotonic()
        while not view.is_complete:
            worker.child.require_alive()
            if view.poll():
                last_change = monotonic()
                bar.update(task, completed=view.num_final, description=view.latest)
            if monotonic() - last_change > _LONGEST_SECONDS:
                fail(f"nothing happened for {_LONGEST_SECONDS:.0f} s", ExitCode.FOUND)
    view.seconds_to_last = monotonic() - began


def _stay(environment: dict[str, str], worker: WorkerProcess, uploads: list[VideoUploaded]) -> None:
    out.print("\nStill running. In another shell:\n")
    for name, value in environment.items():
        out.print(f"  export {name}={value}", markup=False, soft_wrap=True)
    video_id = uploads[0].video_id
    for command in (
        f"vidsignal show {video_id}",
        f"vidsignal publish {path_of(uploads[0])} --video-id again --title 'Once more'",
        "vidsignal watch --from-beginning",
        "vidsignal dead-letters list",
    ):
        out.print(f"  {command}", markup=False, soft_wrap=True)
    out.print(f"\nmetrics: http://127.0.0.1:{worker.ready['metrics_port']}/metrics   Ctrl-C ends everything")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        stop.wait()
    except KeyboardInterrupt:
        err.print("stopping ...")
