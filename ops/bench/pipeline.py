"""`bench pipeline`: the pipeline with Kafka compared with the same work without it, and with a naive Faust agent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from time import monotonic
from typing import Any

from msgspec.structs import replace

from models.card_registry import card_of_use
from ops.assets import fetch_samples, fetch_weights
from ops.bench.clips import bench_uploads, clip_folders
from ops.bench.competitors import Competitor, LocalCompetitor, NaiveCompetitor, PipelineCompetitor, Run, measure
from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.report import BenchReport, Bound, Figure, summarise
from ops.bench.soak import soak_figures
from ops.local.kafka_server import KafkaCluster
from ops.local.scratch import scratch_dir
from ops.local.stack import LocalStack
from ops.local.worker_process import WorkerProcess
from schemas.uploads import VideoUploaded
from streams.config.settings import Settings, read_settings
from streams.kafka.topic_admin import create_topics
from streams.recovery.result_comparison import read_projection_from_topics

PARTITIONS = 8
ROUNDS = 5
"""Rounds after the first, which is dropped."""
QUICK_ROUNDS = 2
_IMAGE_MODEL = card_of_use("image-classes").name

Features = dict[str, Any]
"""Values by feature name."""


@dataclass(frozen=True, slots=True)
class StageTimes:
    """One broker and one store for all competitors."""

    settings: Settings
    environment: dict[str, str]
    folder: Path
    stack: LocalStack

    def broker_cpu_seconds(self) -> float:
        """Return the broker's CPU time."""
        return self.stack.kafka.cpu_seconds()


def bench_pipeline(options: BenchOptions) -> BenchReport:
    """Measure; several minutes, or under three with `is_quick`."""
    cache_dir = ready_assets()
    uploads = bench_uploads(cache_dir, options)
    with stage_of(cache_dir, clip_folders(uploads), options) as stage:
        if options.is_soak:
            return _soak(stage, uploads, options)
        return _compare(stage, uploads, options)


def ready_assets() -> Path:
    """Fetch missing weights and clips; return their folder."""
    cache_dir = read_settings().cache_dir
    fetch_weights(cache_dir)
    fetch_samples(cache_dir)
    return cache_dir


@contextmanager
def stage_of(cache_dir: Path, roots: set[Path], options: BenchOptions) -> Iterator[StageTimes]:
    """Start broker, store and topics, and return the settings for workers."""
    options.say("starting {} and Redis 8 ...".format("Apache Kafka" if options.kafka == "real" else "a test broker"))
    with scratch_dir() as folder, LocalStack(options.kafka, cache_dir=cache_dir) as stack:
        is_embedded = options.kafka == "embedded"
        settings = read_settings(
            kafka_bootstrap_servers=stack.bootstrap_servers, redis_url=stack.redis_url, is_broker_embedded=is_embedded
        )
        if not is_embedded:  # there, topics exist when they are first named
            create_topics(settings, partitions=PARTITIONS, replication=1)
        environment = {
            **stack.environment(),
            "VIDSIGNAL_MEDIA_ROOTS": ",".join(str(root) for root in sorted(roots)),
            "VIDSIGNAL_CACHE_DIR": str(cache_dir),
            "VIDSIGNAL_METRICS_PORT": "0",
            "VIDSIGNAL_LOG_LEVEL": "warning",
        }
        yield StageTimes(settings, environment, folder, stack)


def _compare(stage: StageTimes, uploads: Sequence[VideoUploaded], options: BenchOptions) -> BenchReport:
    with ExitStack() as opened:
        options.say("starting the contenders ...")
        began = monotonic()
        pipeline = PipelineCompetitor(stage.settings, _worker(stage))
        ready_seconds = monotonic() - began
        opened.callback(pipeline.close)
        direct = LocalCompetitor({**os.environ, **stage.environment})
        opened.callback(direct.close)
        naive = NaiveCompetitor(stage.settings, stage.folder, PARTITIONS)
        opened.callback(naive.close)
        runs, broker_seconds = _alternate(stage, (pipeline, direct, naive), uploads, options)
        figures = _figures(runs, broker_seconds, pipeline, naive.features, stage)
        peaks = {competitor.name: _peak_bytes(competitor) for competitor in (pipeline, direct, naive)}
        figures += (
            Figure("worker, ready after its start", ready_seconds, "s", Bound("at most", 20.0)),
            Figure("worker, stopped in mid-work", pipeline.stop_in_mid_work(uploads), "s", Bound("at most", 30.0)),
        )
    return BenchReport(
        bench="pipeline",
        machine=describe_machine(),
        figures=figures,
        competitors={name: _describe(found, peaks[name]) for name, found in runs.items()},
        remarks=_remarks(stage, uploads),
    )


def _worker(stage: StageTimes) -> WorkerProcess:
    worker = WorkerProcess(stage.folder, stage.environment)
    worker.open()
    return worker


def _alternate(
    stage: StageTimes, competitors: Sequence[Competitor], uploads: Sequence[VideoUploaded], options: BenchOptions
) -> tuple[dict[str, list[Run]], list[float]]:
    """Run them in turns; the first round is a warm-up and is dropped."""
    rounds = 1 + (QUICK_ROUNDS if options.is_quick else ROUNDS)
    runs: dict[str, list[Run]] = {competitor.name: [] for competitor in competitors}
    broker_seconds: list[float] = []
    for number in range(rounds):
        for competitor in competitors:
            batch = uploads if number else uploads[: max(4, len(uploads) // 3)]
            named = [replace(upload, video_id=f"r{number}-{upload.video_id}") for upload in batch]
            broker_before = stage.broker_cpu_seconds()
            run = measure(competitor, named)
            options.say(
                f"round {number}: {competitor.name}: {run.videos_per_second:.2f} videos/s, "
                f"{run.cpu_seconds_per_video:.2f} CPU s a video" + ("" if number else " (dropped)")
            )
            if number:
                runs[competitor.name].append(run)
                if competitor.name == PipelineCompetitor.name:
                    broker_seconds.append((stage.broker_cpu_seconds() - broker_before) / len(batch))
    return runs, broker_seconds


def _figures(
    runs: dict[str, list[Run]],
    broker_seconds: list[float],
    pipeline: PipelineCompetitor,
    naive_features: list[Features],
    stage: StageTimes,
) -> tuple[Figure, ...]:
    ours, direct, naive = (runs[each.name] for each in (PipelineCompetitor, LocalCompetitor, NaiveCompetitor))
    page = pipeline.metrics()
    return (
        summarise("throughput, Kafka over analyze", _ratios(ours, direct), "ratio", Bound("at least", 0.85)),
        summarise("throughput, Kafka over naive", _ratios(ours, naive), "ratio", Bound("at least", 1.5)),
        *(
            summarise(f"{name}, throughput", [run.videos_per_second for run in found], "videos/s")
            for name, found in runs.items()
        ),
        *(
            summarise(f"{name}, processor", [run.cpu_seconds_per_video for run in found], "CPU s a video")
            for name, found in runs.items()
        ),
        summarise("Apache Kafka 4.1.0, processor", broker_seconds, "CPU s a video"),
        Figure(
            "distinct videos in a batch",
            page.mean("vidsignal_batch_videos", model=_IMAGE_MODEL),
            "videos",
            Bound("at least", 1.5),
        ),
        Figure("items in a batch", page.mean("vidsignal_batch_items", model=_IMAGE_MODEL), "items"),
        Figure("decodes per video", _decodes_per_video(page), "decodes", Bound("at most", 1.0)),
        *_kept("vidsignal", _pipeline_features(stage.settings)),
        *_kept("naive", naive_features),
    )


def _kept(name: str, features: list[Features]) -> tuple[Figure, Figure]:
    seen = [found for found in features if "visual.sampled_frames" in found]
    return (
        Figure(f"{name}, frames kept", mean(found["visual.sampled_frames"] for found in seen), "frames a video"),
        Figure(f"{name}, coverage", mean(found["visual.coverage_ratio"] for found in seen), "ratio"),
    )


def _pipeline_features(settings: Settings) -> list[Features]:
    return [projection.features for projection in read_projection_from_topics(settings).values()]


def _ratios(ours: list[Run], theirs: list[Run]) -> list[float]:
    return [a.videos_per_second / b.videos_per_second for a, b in zip(ours, theirs, strict=True)]


def _decodes_per_video(page: Any) -> float:
    decoded = page.total("vidsignal_decodes_total", result="ok")
    videos = page.total("vidsignal_verdicts_total", status="final")
    return float(decoded / videos) if videos else 0.0


def _peak_bytes(competitor: Competitor) -> int:
    return sum(meter.peak_pss_bytes() for meter in competitor.meters)


def _describe(runs: list[Run], peak_pss_bytes: int) -> dict[str, Any]:
    return {
        "runs": [
            {"videos": run.num_videos, "wall_seconds": run.wall_seconds, "cpu_seconds": run.cpu_seconds} for run in runs
        ],
        "videos_per_second": median(run.videos_per_second for run in runs),
        "peak_pss_bytes": peak_pss_bytes,
    }


def _remarks(stage: StageTimes, uploads: Sequence[VideoUploaded]) -> tuple[str, ...]:
    kind = "Apache Kafka 4.1.0, one node" if isinstance(stage.stack.kafka, KafkaCluster) else "embedded"
    return (
        f"broker: {kind}, on the same cores as the contenders; its processor time is told apart",
        f"{len(uploads)} uploads a run; the first round is dropped, then contenders take turns",
        "every process computes on one thread; pipeline and analyze decode in as many processes as there are cores",
        "the naive agent runs in two processes, decodes in full, and calls the same models item by item in float32",
    )


def _soak(stage: StageTimes, uploads: Sequence[VideoUploaded], options: BenchOptions) -> BenchReport:
    pipeline = PipelineCompetitor(stage.settings, _worker(stage))
    try:
        figures, competitors = soak_figures(pipeline, uploads, options)
    finally:
        pipeline.close()
    return BenchReport("pipeline --soak", describe_machine(), figures, competitors, _remarks(stage, uploads)[:1])
