"""Creates a profile on this machine: real uploads through a real Kafka and Redis, with sizes and times measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median
from time import monotonic

import numpy as np
import psutil
from msgspec.structs import replace

from ops.bench.clips import bench_uploads, clip_folders
from ops.bench.competitors import PipelineCompetitor, Run, measure
from ops.bench.engagement import bench_engagement
from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.pipeline import StageTimes, ready_assets, stage_of
from ops.local.worker_process import WorkerProcess
from ops.sizing.measure_light_roles import LightStage, light_role_rates
from ops.sizing.measure_log import log_figures
from ops.sizing.measure_store import engagement_figures, store_figures
from ops.sizing.profile import Profile, complete
from ops.sizing.quantity import FIGURES, Quantity
from schemas.outcomes import Verdict
from schemas.topics import MODERATION
from schemas.uploads import VideoUploaded
from streams.config.settings import Settings
from streams.kafka.clients import read_to_end
from streams.kafka.readers_topics import decode_verdict

_ROUNDS, _QUICK_ROUNDS = 3, 1
"""Rounds under full load, after a warm-up that is dropped."""
_LIGHT_VIDEOS, _QUICK_LIGHT_VIDEOS = 2_000, 600
_LOADED, _ALONE = "loaded-", "alone-"
"""Prefixes of the video ids of each part."""


@dataclass(frozen=True, slots=True)
class Load:
    """One run under full load."""

    run: Run
    broker_cpu_seconds_per_video: float
    others_cores: float
    """Mean number of cores used by other processes, including broker and Redis."""

    def busy_ratio(self, cores: int) -> float:
        """Return the worker's share of the cores that others left."""
        left = self.run.wall_seconds * (cores - self.others_cores)
        return min(1.0, self.run.cpu_seconds / left) if left > 0 else 1.0


def measure_profile(name: str, options: BenchOptions) -> Profile:
    """Measure every measured figure; about six minutes, or three with `is_quick`."""
    cache_dir = ready_assets()
    uploads = bench_uploads(cache_dir, options)
    with stage_of(cache_dir, clip_folders(uploads), options) as stage:
        values, times = _measure_media(stage, uploads, options)
        options.say("intake and verdict, each alone on one core ...")
        number = _QUICK_LIGHT_VIDEOS if options.is_quick else _LIGHT_VIDEOS
        values |= light_role_rates(LightStage(stage.settings, stage.environment, stage.folder), number)
    options.say("engagement ...")
    report = bench_engagement(options)
    values["engagement_events_per_second_per_core"] = report.figures[0].value
    return complete(_profile(name, values, times))


def _profile(name: str, values: dict[str, float], times: Sequence[float]) -> Profile:
    machine = describe_machine()
    source = f"{machine['cores']} cores of {machine['cpu']}, broker and Redis on the same cores"
    figures = {
        key: Quantity(value=float(f"{value:.4g}"), unit=FIGURES[key].unit, origin="measured", source=source)
        for key, value in values.items()
    }
    return Profile(
        name=name, machine=machine, figures=figures, video_cpu_seconds=tuple(round(each, 4) for each in times)
    )


def _measure_media(
    stage: StageTimes, uploads: Sequence[VideoUploaded], options: BenchOptions
) -> tuple[dict[str, float], list[float]]:
    worker = WorkerProcess(stage.folder, stage.environment)
    began = monotonic()
    worker.open()
    ready_seconds = monotonic() - began
    pipeline = PipelineCompetitor(stage.settings, worker)
    try:
        loads = _full_load(stage, pipeline, uploads, options)
        options.say("one video at a time ...")
        latencies = {upload.video_id: pipeline.run([upload]) for upload in _named(_ALONE, _distinct(uploads))}
        peak_bytes = pipeline.meters[0].peak_pss_bytes()
        options.say("keys in Redis, records in Kafka ...")
        kept = store_figures(stage.settings, [f"{_LOADED}1-{upload.video_id}" for upload in uploads])
        kept |= engagement_figures(stage.settings, [f"{_LOADED}1-{upload.video_id}" for upload in uploads])
    finally:
        pipeline.close()
    verdicts = _final_verdicts(stage.settings)
    work = _work_figures(loads, latencies, verdicts)
    work |= {
        "worker_ready_seconds": ready_seconds,
        "media_memory_bytes": peak_bytes,
        "broker_cpu_seconds_per_video": median(load.broker_cpu_seconds_per_video for load in loads),
    }
    loaded = [verdict for name, verdict in verdicts.items() if name.startswith(_LOADED)]
    return work | kept | log_figures(stage.settings, f"{_LOADED}1-"), [_cpu_seconds(verdict) for verdict in loaded]


def _full_load(
    stage: StageTimes, pipeline: PipelineCompetitor, uploads: Sequence[VideoUploaded], options: BenchOptions
) -> list[Load]:
    loads: list[Load] = []
    for number in range(1 + (_QUICK_ROUNDS if options.is_quick else _ROUNDS)):
        prefix = f"{_LOADED}{number}-" if number else "warm-"
        broker_before, all_before, began = stage.broker_cpu_seconds(), _cores_busy_seconds(), monotonic()
        run = measure(pipeline, _named(prefix, uploads))
        others = max(0.0, (_cores_busy_seconds() - all_before - run.cpu_seconds) / (monotonic() - began))
        words = f"{run.videos_per_second:.2f} videos/s, {run.cpu_seconds_per_video:.2f} CPU s a video"
        options.say(f"round {number}: {words}; others kept {others:.2f} cores busy" + ("" if number else " (dropped)"))
        if number:
            loads.append(Load(run, (stage.broker_cpu_seconds() - broker_before) / run.num_videos, others))
    return loads


def _cores_busy_seconds() -> float:
    """Return busy seconds of the available cores since the machine started, by all processes."""
    times = psutil.cpu_times(percpu=True)
    return float(sum(sum(times[core]) - times[core].idle - times[core].iowait for core in os.sched_getaffinity(0)))


def _work_figures(loads: Sequence[Load], latencies: dict[str, float], verdicts: dict[str, Verdict]) -> dict[str, float]:
    loaded = {name: each for name, each in verdicts.items() if name.startswith(_LOADED)}
    alone = {name.removeprefix(_ALONE): _cpu_seconds(verdicts[name]) for name in latencies}
    together = {name: mean(_cpu_seconds(loaded[key]) for key in loaded if key.endswith(name)) for name in alone}
    cores = len(os.sched_getaffinity(0))
    beside_seconds, alone_cores = _line(list(alone.values()), list(latencies.values()), cores)
    return {
        "worker_cores": cores,
        "media_cpu_seconds_per_video": median(load.run.cpu_seconds_per_video for load in loads),
        "media_cores_busy_ratio": median(load.busy_ratio(cores) for load in loads),
        "media_model_cpu_seconds_per_video": mean(
            each.cost.cpu_seconds_by_stage.get("device", 0.0) for each in loaded.values()
        ),
        "media_alone_ratio": sum(alone.values()) / sum(together.values()),
        "media_alone_cores": alone_cores,
        "media_beside_seconds": beside_seconds,
        "media_bytes_per_video": mean(each.cost.bytes_read for each in loaded.values()),
    }


def _line(cpu_seconds: Sequence[float], latencies: Sequence[float], cores: int) -> tuple[float, float]:
    """Fit latency = constant + CPU time / cores to single videos; return both parameters."""
    slope, offset = np.polyfit(cpu_seconds, latencies, 1)
    return max(0.0, float(offset)), float(np.clip(1 / slope if slope > 0 else cores, 0.25, cores))


def _final_verdicts(settings: Settings) -> dict[str, Verdict]:
    topic = settings.topic_prefix + MODERATION.name
    found = (decode_verdict(record.value) for record in read_to_end(settings, [topic]) if record.value)
    return {verdict.video_id: verdict for verdict in found if verdict.status == "final"}


def _cpu_seconds(verdict: Verdict) -> float:
    return sum(verdict.cost.cpu_seconds_by_stage.values())


def _named(prefix: str, uploads: Sequence[VideoUploaded]) -> list[VideoUploaded]:
    return [replace(upload, video_id=f"{prefix}{upload.video_id}") for upload in uploads]


def _distinct(uploads: Sequence[VideoUploaded]) -> list[VideoUploaded]:
    return [upload for upload in uploads if upload.video_id.startswith("0-")]
