"""`bench lanes`: live uploads at a moderate rate, alone and with a backfill backlog that never becomes empty."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from statistics import median, quantiles

from confluent_kafka import Consumer, Producer
from msgspec.structs import replace
from redis.asyncio import Redis

from ops.bench.clips import bench_uploads, clip_folders
from ops.bench.competitors import consumer_at_end, publish
from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.pipeline import StageTimes, ready_assets, stage_of
from ops.bench.report import BenchReport, Bound, Figure, summarise
from ops.local.metrics_page import MetricsPage, read_metrics
from ops.local.worker_process import WorkerProcess
from schemas.topics import BACKFILL, MODERATION, UPLOADED
from schemas.uploads import VideoUploaded
from streams.backfill.jobs import Jobs
from streams.kafka.clients import producer_configuration
from streams.kafka.readers_topics import decode_verdict
from streams.store.keys import Keys
from streams.uploads.headers import backfill_headers

MOST_TIMES_ALONE = 1.5
"""Permitted ratio of the 95th percentiles with and without backfill."""
SHORTEST_INTERVAL_SECONDS = 2.0
LONGEST_INTERVAL_SECONDS = 12.0
TIMES_ONE_UPLOAD = 2.5
"""Factor on the duration of a single upload that gives the interval of live uploads, within these bounds. So the rate
is moderate on any machine, whatever its other load."""
STRETCH_UPLOADS = 5
"""Live uploads before the other state follows, so that other load affects both alike."""
NUM_STRETCHES = 6
"""Of either state in a round."""
QUICK_NUM_STRETCHES = 3
ROUNDS = 5
"""Rounds after the first, which is dropped."""
QUICK_ROUNDS = 2
_BACKLOG_VIDEOS = 300
"""Backfill uploads of a round; more than can be processed in it."""
_ANSWER_SECONDS = 300.0


@dataclass(slots=True)
class Phase:
    """Live uploads in one of the two states, over all parts of a round."""

    latencies_seconds: list[float] = field(default_factory=list)
    """From publication to the final verdict, per upload."""
    seconds: float = 0.0
    num_backfilled: float = 0.0
    """Backfill videos that were analysed meanwhile."""

    @property
    def p50_seconds(self) -> float:
        """Median."""
        return median(self.latencies_seconds)

    @property
    def p95_seconds(self) -> float:
        """95th percentile."""
        return quantiles(self.latencies_seconds, n=20, method="inclusive")[-1]

    @property
    def backfilled_per_second(self) -> float:
        """Throughput of backfill."""
        return self.num_backfilled / self.seconds


@dataclass(frozen=True, slots=True)
class Round:
    """Both states, measured in turns."""

    alone: Phase
    shared: Phase


def bench_priority_classes(options: BenchOptions) -> BenchReport:
    """Measure; about fifteen minutes, or under three with `is_quick`."""
    cache_dir = ready_assets()
    uploads = bench_uploads(cache_dir, options)
    with stage_of(cache_dir, clip_folders(uploads), options) as stage:
        return _measure(stage, uploads, options)


def _measure(stage: StageTimes, uploads: Sequence[VideoUploaded], options: BenchOptions) -> BenchReport:
    worker = WorkerProcess(stage.folder, stage.environment)
    worker.open()
    try:
        lanes = LaneFigures(stage, worker, uploads)
        return _report(_rounds(lanes, options), lanes.interval_seconds)
    finally:
        worker.close()


def _rounds(lanes: LaneFigures, options: BenchOptions) -> list[Round]:
    """Run the rounds; the first, of one part each, is a warm-up and is dropped."""
    num_stretches = QUICK_NUM_STRETCHES if options.is_quick else NUM_STRETCHES
    found = []
    for number in range(1 + (QUICK_ROUNDS if options.is_quick else ROUNDS)):
        measured = _round(lanes, number, num_stretches if number else 1)
        if not number:
            lanes.pace(measured.alone)
        for name, phase in (("alone", measured.alone), ("while backfill runs", measured.shared)):
            options.say(
                f"round {number}: live {name}: p50 {phase.p50_seconds:.2f} s, p95 {phase.p95_seconds:.2f} s, "
                f"backfill {phase.backfilled_per_second:.2f} videos/s" + ("" if number else " (dropped)")
            )
        if number:
            found.append(measured)
    return found


def _round(lanes: LaneFigures, number: int, num_stretches: int) -> Round:
    """Run both states in turns, in the order a b b a a b ..."""
    lanes.fill_backlog(number)
    alone, shared = Phase(), Phase()
    for place in range(num_stretches):
        for is_shared in (False, True) if place % 2 == 0 else (True, False):
            lanes.stretch(f"r{number}s{place}", shared if is_shared else alone, is_shared=is_shared)
    return Round(alone, shared)


class LaneFigures:
    """One worker that serves both priority classes.

    Args:
        stage: broker and store.
        worker: with all roles.
        uploads: repeated in either class.
    """

    def __init__(self, stage: StageTimes, worker: WorkerProcess, uploads: Sequence[VideoUploaded]) -> None:
        self._stage = stage
        self._worker = worker
        self._uploads = uploads
        self.interval_seconds = SHORTEST_INTERVAL_SECONDS
        self._num_taken: Counter[str] = Counter()
        """Number of uploaded clips of the list, by state: both get the same ones in the same order."""
        self._producer = Producer(producer_configuration(stage.settings))

    def pace(self, warm_up: Phase) -> None:
        """Set the rate of live uploads by the duration of one on this machine."""
        wanted = TIMES_ONE_UPLOAD * warm_up.p50_seconds
        self.interval_seconds = min(max(wanted, SHORTEST_INTERVAL_SECONDS), LONGEST_INTERVAL_SECONDS)

    def fill_backlog(self, number: int) -> None:
        """Publish more backfill than can be processed in a round, as `reprocess` does."""
        self._pause(is_paused=True)
        uploads = self._named(f"past{number}", _BACKLOG_VIDEOS)
        headers = backfill_headers((), time.time(), "bench")
        publish(self._producer, self._topic(BACKFILL.name), uploads, headers)

    def stretch(self, name: str, phase: Phase, *, is_shared: bool) -> None:
        """Publish live uploads, with backfill running or paused. Raises RuntimeError if its backlog became empty."""
        self._pause(is_paused=not is_shared)
        self._await(lambda page: (page.total("vidsignal_events_in_flight", role="backfill") > 0) is is_shared)
        consumer = consumer_at_end(self._stage.settings, self._topic(MODERATION.name))
        done_before, began = self._backfilled(), time.monotonic()
        try:
            phase.latencies_seconds += self._run(f"{name}-{'shared' if is_shared else 'alone'}", consumer)
        finally:
            consumer.close()
        phase.seconds += time.monotonic() - began
        phase.num_backfilled += self._backfilled() - done_before
        if is_shared and self._page().total("vidsignal_consumer_lag", role="backfill") == 0:
            raise RuntimeError("the backfill lane ran empty, so that nothing was measured")

    def _run(self, name: str, consumer: Consumer) -> list[float]:
        """Publish at the rate and note the time of each final verdict."""
        waiting: dict[str, float] = {}
        latencies: list[float] = []
        due = self._named(name, STRETCH_UPLOADS)
        next_seconds = time.monotonic()
        while due or waiting:
            now = time.monotonic()
            if due and now >= next_seconds:
                upload = due.pop(0)
                waiting[upload.video_id] = now
                publish(self._producer, self._topic(UPLOADED.name), [upload])
                next_seconds += self.interval_seconds
            message = consumer.poll(max(0.0, min(0.2, next_seconds - time.monotonic())) if due else 0.2)
            if message is not None and message.error() is None:
                verdict = decode_verdict(message.value() or b"")
                if verdict.status == "final" and verdict.video_id in waiting:
                    latencies.append(time.monotonic() - waiting.pop(verdict.video_id))
            if not due and now - next_seconds > _ANSWER_SECONDS:
                raise TimeoutError(f"{len(waiting)} of {STRETCH_UPLOADS} live uploads had no verdict in time")
        return latencies

    def _named(self, name: str, number: int) -> list[VideoUploaded]:
        """Return the next clips of the endless list, which differs for each state and class."""
        kind = name.rpartition("-")[2]
        first = self._num_taken[kind]
        self._num_taken[kind] += number
        taken = islice(cycle(self._uploads), first, first + number)
        return [replace(upload, video_id=f"{name}-{place}-{upload.video_id}") for place, upload in enumerate(taken)]

    def _backfilled(self) -> float:
        """Return the number of videos that the backfill role has analysed; every agent finishes each."""
        return self._page().total("vidsignal_events_finished_total", role="backfill", agent="frames")

    def _await(self, is_so: Callable[[MetricsPage], bool]) -> None:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while not is_so(self._page()):
            if time.monotonic() > deadline:
                raise TimeoutError("the backfill lane did not begin or end in time")
            time.sleep(0.2)

    def _page(self) -> MetricsPage:
        return read_metrics(self._worker.ready["metrics_port"])

    def _pause(self, *, is_paused: bool) -> None:
        async def write() -> None:
            async with Redis.from_url(self._stage.settings.redis_url.get_secret_value()) as store:
                jobs = Jobs(store, Keys(self._stage.settings.topic_prefix))
                await (jobs.pause() if is_paused else jobs.resume())

        asyncio.run(write())

    def _topic(self, name: str) -> str:
        return self._stage.settings.topic_prefix + name


def _report(rounds: list[Round], interval_seconds: float) -> BenchReport:
    alone, shared = [each.alone for each in rounds], [each.shared for each in rounds]
    figures = (
        summarise(
            "live p95, while backfill runs over alone",
            [each.shared.p95_seconds / each.alone.p95_seconds for each in rounds],
            "ratio",
            Bound("at most", MOST_TIMES_ALONE),
        ),
        summarise(
            "live p50, while backfill runs over alone",
            [each.shared.p50_seconds / each.alone.p50_seconds for each in rounds],
            "ratio",
        ),
        summarise("live p95, alone", [phase.p95_seconds for phase in alone], "s"),
        summarise("live p95, while backfill runs", [phase.p95_seconds for phase in shared], "s"),
        summarise("live p50, alone", [phase.p50_seconds for phase in alone], "s"),
        summarise("live p50, while backfill runs", [phase.p50_seconds for phase in shared], "s"),
        summarise("backfill next to live", [phase.backfilled_per_second for phase in shared], "videos/s"),
        Figure("live uploads", 1 / interval_seconds, "videos/s"),
    )
    runs = {
        "live alone": {"latencies_seconds": [phase.latencies_seconds for phase in alone]},
        "live while backfill runs": {"latencies_seconds": [phase.latencies_seconds for phase in shared]},
    }
    remarks = _remarks(len(alone[0].latencies_seconds), interval_seconds)
    return BenchReport("lanes", describe_machine(), figures, runs, remarks)


def _remarks(num_uploads: int, interval_seconds: float) -> tuple[str, ...]:
    return (
        f"{num_uploads} live uploads in either state a round, one every {interval_seconds:.1f} s; "
        f"the states take turns every {STRETCH_UPLOADS} uploads; a first round is dropped",
        f"{_BACKLOG_VIDEOS} backfill uploads a round, so that the lane is never empty; alone means that it is paused",
        "one worker with all roles; Apache Kafka and Redis on the same cores",
    )
