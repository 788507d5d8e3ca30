"""`bench observing`: the cost of metrics and traces. Compares a worker without metrics, with them, and with tracing as
well."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import mean
from typing import Any, Final

from msgspec.structs import replace

from ops.assets import fetch_samples, fetch_weights
from ops.bench.clips import bench_uploads, clip_folders
from ops.bench.competitors import PipelineCompetitor, Run, measure
from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.report import BenchReport, Bound, Figure, summarise
from ops.bench.trace_sink import TraceSink
from ops.local.metrics_page import MetricsPage
from ops.local.scratch import scratch_dir
from ops.local.stack import LocalStack
from ops.local.worker_process import WORKER_COMMAND, WorkerProcess
from schemas.uploads import VideoUploaded
from streams.config.settings import Settings, read_settings
from streams.kafka.topic_admin import create_topics

PARTITIONS: Final = 8
ROUNDS: Final = 8
"""Rounds after the first, which is dropped."""
QUICK_ROUNDS: Final = 3
SCRAPE_SECONDS: Final = 5.0
"""Interval of scrapes; a third of Prometheus' default."""
NONE, METRICS, TRACES = "nothing", "metrics", "metrics and traces"
NONE_AGAIN: Final = "nothing, again"
"""The same worker a second time in each round: the difference between the two is the noise of the machine."""
_UNMETERED: Final = (sys.executable, "-P", "-m", "ops.bench.unmetered_worker")

Runs = dict[str, list[Run]]
"""By competitor, one for each round."""


def bench_observing(options: BenchOptions) -> BenchReport:
    """Measure; about a quarter of an hour, or under five minutes with `is_quick`."""
    cache_dir = read_settings().cache_dir
    fetch_weights(cache_dir)
    fetch_samples(cache_dir)
    uploads = bench_uploads(cache_dir, options)
    options.say("starting Apache Kafka, Redis 8 and three workers ...")
    with scratch_dir() as folder, LocalStack("real", cache_dir=cache_dir) as stack, TraceSink() as sink:
        environment = {
            **stack.environment(),
            "VIDSIGNAL_MEDIA_ROOTS": ",".join(str(root) for root in sorted(clip_folders(uploads))),
            "VIDSIGNAL_CACHE_DIR": str(cache_dir),
            "VIDSIGNAL_LOG_LEVEL": "warning",
        }
        runs, page = _measure(folder, environment, sink, uploads, options)
    return BenchReport(
        bench="observing",
        machine=describe_machine(),
        figures=(*_figures(runs), *_span_figures(page)),
        competitors={name: _describe(found) for name, found in runs.items()},
        remarks=_remarks(uploads),
    )


def _measure(
    folder: Path,
    environment: Mapping[str, str],
    sink: TraceSink,
    uploads: Sequence[VideoUploaded],
    options: BenchOptions,
) -> tuple[Runs, MetricsPage]:
    """Return all runs, and the last metrics of the tracing worker; all clients are closed before the broker."""
    with _competitors(folder, environment, sink) as competitors:
        runs = _rounds(competitors, uploads, options)
        return runs, competitors[TRACES].metrics()


@contextmanager
def _competitors(
    folder: Path, environment: Mapping[str, str], sink: TraceSink
) -> Iterator[dict[str, PipelineCompetitor]]:
    with ExitStack() as opened:
        found = {
            NONE: _open(opened, folder, "none", environment, _UNMETERED),
            METRICS: _open(opened, folder, "metrics", {**environment, **_METERED}),
            TRACES: _open(
                opened, folder, "traces", {**environment, **_METERED, "VIDSIGNAL_TRACES_ENDPOINT": sink.endpoint}
            ),
        }
        ending = threading.Event()
        scraping = threading.Thread(target=_scrape, args=([found[METRICS], found[TRACES]], ending), daemon=True)
        scraping.start()
        try:
            yield found
        finally:
            ending.set()
            scraping.join()


_METERED: Final = {"VIDSIGNAL_METRICS_PORT": "0"}


def _open(
    opened: ExitStack,
    folder: Path,
    name: str,
    environment: Mapping[str, str],
    command: tuple[str, ...] = WORKER_COMMAND,
) -> PipelineCompetitor:
    """A warm worker with topics and keys of its own."""
    variables = {**environment, "VIDSIGNAL_TOPIC_PREFIX": f"{name}."}
    settings = _settings(variables)
    create_topics(settings, partitions=PARTITIONS, replication=1)
    worker = WorkerProcess(folder, variables, name=name, command=command)
    worker.open()
    competitor = PipelineCompetitor(settings, worker)
    opened.callback(competitor.close)
    return competitor


def _settings(variables: Mapping[str, str]) -> Settings:
    return read_settings(
        kafka_bootstrap_servers=variables["VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS"],
        redis_url=variables["VIDSIGNAL_REDIS_URL"],
        topic_prefix=variables["VIDSIGNAL_TOPIC_PREFIX"],
    )


def _scrape(watched: Sequence[PipelineCompetitor], ending: threading.Event) -> None:
    while not ending.wait(SCRAPE_SECONDS):
        for competitor in watched:
            competitor.metrics()


def _rounds(
    competitors: Mapping[str, PipelineCompetitor], uploads: Sequence[VideoUploaded], options: BenchOptions
) -> Runs:
    """Run all in turns, in another order each round; the first round is a warm-up and is dropped."""
    runs: Runs = {name: [] for name in (*competitors, NONE_AGAIN)}
    for number in range(1 + (QUICK_ROUNDS if options.is_quick else ROUNDS)):
        for name in _order(number):
            batch = uploads if number else uploads[: max(4, len(uploads) // 3)]
            named = [replace(upload, video_id=f"r{number}-{len(name)}-{upload.video_id}") for upload in batch]
            run = measure(competitors[NONE if name == NONE_AGAIN else name], named)
            options.say(
                f"round {number}: {name}: {run.videos_per_second:.2f} videos/s, "
                f"{run.cpu_seconds_per_video:.3f} CPU s a video" + ("" if number else " (dropped)")
            )
            if number:
                runs[name].append(run)
    return runs


def _order(number: int) -> list[str]:
    """Return an order in which each competitor is first, last and in between equally often."""
    names = [NONE, METRICS, TRACES, NONE_AGAIN]
    turned = names[number % 4 :] + names[: number % 4]
    return turned if number % 2 else turned[::-1]


def _figures(runs: Runs) -> tuple[Figure, ...]:
    return (
        summarise("processor, metrics over nothing", _processor(runs, METRICS), "ratio", Bound("at most", 1.01)),
        summarise(
            "processor, metrics and traces over nothing", _processor(runs, TRACES), "ratio", Bound("at most", 1.05)
        ),
        summarise("processor, nothing over itself", _processor_noise(runs), "ratio"),
        summarise("throughput, metrics over nothing", _throughput(runs, METRICS), "ratio", Bound("at least", 0.99)),
        summarise(
            "throughput, metrics and traces over nothing", _throughput(runs, TRACES), "ratio", Bound("at least", 0.95)
        ),
        summarise("throughput, nothing over itself", _throughput_noise(runs), "ratio"),
        *(
            summarise(f"{name}, throughput", [run.videos_per_second for run in found], "videos/s")
            for name, found in runs.items()
        ),
        *(
            summarise(f"{name}, processor", [run.cpu_seconds_per_video for run in found], "CPU s a video")
            for name, found in runs.items()
        ),
    )


def _throughput(runs: Runs, name: str) -> list[float]:
    """Return the throughput of each round relative to both runs of the worker without metrics."""
    both = zip(runs[name], runs[NONE], runs[NONE_AGAIN], strict=True)
    return [
        watched.videos_per_second / mean((first.videos_per_second, again.videos_per_second))
        for watched, first, again in both
    ]


def _processor(runs: Runs, name: str) -> list[float]:
    both = zip(runs[name], runs[NONE], runs[NONE_AGAIN], strict=True)
    return [
        watched.cpu_seconds_per_video / mean((first.cpu_seconds_per_video, again.cpu_seconds_per_video))
        for watched, first, again in both
    ]


def _throughput_noise(runs: Runs) -> list[float]:
    return [a.videos_per_second / b.videos_per_second for a, b in zip(runs[NONE_AGAIN], runs[NONE], strict=True)]


def _processor_noise(runs: Runs) -> list[float]:
    both = zip(runs[NONE_AGAIN], runs[NONE], strict=True)
    return [again.cpu_seconds_per_video / first.cpu_seconds_per_video for again, first in both]


def _span_figures(page: MetricsPage) -> tuple[Figure, ...]:
    num_videos = page.total("vidsignal_verdicts_total", status="final")
    num_dropped = page.total("vidsignal_trace_spans_total", result="dropped")
    return (
        Figure("spans of a video", page.total("vidsignal_trace_spans_total", result="sent") / num_videos, "spans"),
        Figure("spans dropped", num_dropped, "spans", Bound("at most", 0)),
    )


def _describe(runs: Sequence[Run]) -> dict[str, Any]:
    return {
        "runs": [
            {"videos": run.num_videos, "wall_seconds": run.wall_seconds, "cpu_seconds": run.cpu_seconds} for run in runs
        ]
    }


def _remarks(uploads: Sequence[VideoUploaded]) -> tuple[str, ...]:
    return (
        f"{len(uploads)} uploads a run; the first round is dropped, then all take turns in changing order",
        "nothing: metrics are replaced by calls that do nothing, and tracing is off; it runs twice a round",
        f"metrics: the usual worker, its page read every {SCRAPE_SECONDS:g} s",
        "traces: every upload sampled, sent to a collector in this process, on the same cores",
        "throughput varies more from run to run than processor time, and both are bounded: a miss of throughput alone "
        "wants a quieter machine or a second look",
        "where nothing over itself spreads further than a bound, that bound was not told from noise",
    )
