"""The compared programs: each is a process, warm and idle until its turn."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import OFFSET_END, Consumer, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from msgspec.structs import replace

from ops.bench.process_tree import TreeMeter
from ops.local.child import Child, start_child
from ops.local.metrics_page import MetricsPage, read_metrics
from ops.local.worker_process import WorkerProcess
from ops.source_argument import path_of
from schemas.codec import Headers, encode, event_headers
from schemas.topics import MODERATION, UPLOADED
from schemas.uploads import VideoUploaded
from streams.config.settings import Settings
from streams.kafka.clients import assign_whole, client_configuration, producer_configuration
from streams.kafka.readers_topics import decode_verdict

RUN_SECONDS = 900.0
"""A run that takes longer has failed."""
_READY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """One competitor over one list of uploads."""

    num_videos: int
    wall_seconds: float
    cpu_seconds: float
    """Of the competitor's process tree, without broker and store."""

    @property
    def videos_per_second(self) -> float:
        """Throughput."""
        return self.num_videos / self.wall_seconds

    @property
    def cpu_seconds_per_video(self) -> float:
        """CPU seconds per video."""
        return self.cpu_seconds / self.num_videos


class Competitor(Protocol):
    """Opened once, run several times, closed."""

    name: str
    meters: list[TreeMeter]

    def run(self, uploads: Sequence[VideoUploaded]) -> float:
        """Analyse the uploads; return the wall seconds from the first to the last."""
        ...

    def close(self) -> None:
        """End its processes."""
        ...


def measure(competitor: Competitor, uploads: Sequence[VideoUploaded]) -> Run:
    """Run once and measure the CPU time of the whole process tree."""
    before = sum(meter.cpu_seconds() for meter in competitor.meters)
    seconds = competitor.run(uploads)
    cpu_seconds = sum(meter.cpu_seconds() for meter in competitor.meters) - before
    return Run(len(uploads), seconds, cpu_seconds)


class PipelineCompetitor:
    """One Vidsignal worker with all roles, on Kafka and Redis."""

    name = "vidsignal on Kafka"

    def __init__(self, settings: Settings, worker: WorkerProcess) -> None:
        self._settings = settings
        self._worker = worker
        self._producer = Producer(producer_configuration(settings))  # a producer's first second is not the worker's
        self.meters = [TreeMeter(worker.child.pid).open()]

    def run(self, uploads: Sequence[VideoUploaded]) -> float:
        """Publish, and wait for the last final verdict."""
        waiting = {upload.video_id for upload in uploads}
        consumer = consumer_at_end(self._settings, self._settings.topic_prefix + MODERATION.name)

        def take(message: Message) -> None:
            verdict = decode_verdict(message.value())
            if verdict.status == "final":
                waiting.discard(verdict.video_id)

        return _publish_and_await(
            self._producer, self._settings.topic_prefix + UPLOADED.name, uploads, consumer, take, waiting
        )

    def stop_in_mid_work(self, uploads: Sequence[VideoUploaded]) -> float:
        """Stop the worker while uploads are in flight; return the seconds until it has ended."""
        named = [replace(upload, video_id=f"stop-{upload.video_id}") for upload in uploads]
        publish(self._producer, self._settings.topic_prefix + UPLOADED.name, named)
        before = self.metrics().total("vidsignal_concurrent_videos")
        deadline = time.monotonic() + _READY_SECONDS
        while self.metrics().total("vidsignal_concurrent_videos") <= before and time.monotonic() < deadline:
            time.sleep(0.05)
        began = time.monotonic()
        self._worker.close()
        return time.monotonic() - began

    def metrics(self) -> MetricsPage:
        """Return the worker's metrics page."""
        return read_metrics(self._worker.ready["metrics_port"])

    def close(self) -> None:
        """End the worker."""
        _close(self.meters)
        self._worker.close()


class LocalCompetitor:
    """`vidsignal analyze`, kept warm: the same slots, decoders and threads, without Kafka and Redis."""

    name = "vidsignal analyze"

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ops.bench.local_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self._read("ready")
        self.meters = [TreeMeter(self._process.pid).open()]

    def run(self, uploads: Sequence[VideoUploaded]) -> float:
        """Pass all paths at once."""
        assert self._process.stdin is not None
        items = [
            {
                "video_id": upload.video_id,
                "path": str(path_of(upload)),
                "title": upload.title,
                "description": upload.description,
                "hashtags": upload.hashtags,
            }
            for upload in uploads
        ]
        self._process.stdin.write(json.dumps(items) + "\n")
        self._process.stdin.flush()
        return float(str(self._read("done")["seconds"]))

    def close(self) -> None:
        """Close its input, which ends it."""
        _close(self.meters)
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self, event: str) -> dict[str, object]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith("{") and json.loads(line).get("event") == event:
                return dict(json.loads(line))
        raise RuntimeError(f"the direct contender ended with {self._process.wait()} before it said {event!r}")


class NaiveCompetitor:
    """Two stock Faust workers, so that both of a laptop's cores are used."""

    name = "naive Faust agent"
    num_workers = 2

    def __init__(self, settings: Settings, folder: Path, partitions: int) -> None:
        self._settings = settings
        self._producer = Producer(producer_configuration(settings))
        self._topic = f"{settings.topic_prefix}naive.uploads"
        self._results = f"{settings.topic_prefix}naive.results"
        self._create_topics(partitions)
        self._children = [self._start(folder, number) for number in range(self.num_workers)]
        for child in self._children:
            child.await_ready(lambda child=child: '"ready"' in child.log_tail(), _READY_SECONDS)  # type: ignore[misc]
        self.meters = [TreeMeter(child.pid).open() for child in self._children]
        self.features: list[dict[str, Any]] = []
        """Its results, a dict of values per video."""

    def run(self, uploads: Sequence[VideoUploaded]) -> float:
        """Publish, and wait for the last result."""
        waiting = {upload.video_id for upload in uploads}
        consumer = consumer_at_end(self._settings, self._results)

        def take(message: Message) -> None:
            waiting.discard(message.key().decode())
            found = json.loads(message.value())["frames"]["features"]
            self.features.append({name: feature["value"] for name, feature in found.items()})

        return _publish_and_await(self._producer, self._topic, uploads, consumer, take, waiting)

    def close(self) -> None:
        """End the workers."""
        _close(self.meters)
        for child in self._children:
            child.stop(10.0)

    def _create_topics(self, partitions: int) -> None:
        admin = AdminClient(client_configuration(self._settings))
        wanted = [NewTopic(name, partitions, 1) for name in (self._topic, self._results)]
        for future in admin.create_topics(wanted).values():
            future.result(30)

    def _start(self, folder: Path, number: int) -> Child:
        arguments = [self._settings.kafka_bootstrap_servers, self._topic, self._results, str(self._settings.cache_dir)]
        command = [sys.executable, "-P", "-m", "ops.bench.naive.worker", *arguments]
        return start_child(
            f"naive-{number}",
            command,
            log_path=folder / f"naive-{number}.log",
            environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        )


def _publish_and_await(
    producer: Producer,
    topic: str,
    uploads: Sequence[VideoUploaded],
    consumer: Consumer,
    take: Callable[[Message], None],
    waiting: set[str],
) -> float:
    try:
        began = time.monotonic()
        publish(producer, topic, uploads)
        while waiting:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                take(message)
            if time.monotonic() - began > RUN_SECONDS:
                raise TimeoutError(f"{len(waiting)} of {len(uploads)} videos had no answer after {RUN_SECONDS} s")
        return time.monotonic() - began
    finally:
        consumer.close()


def publish(producer: Producer, topic: str, uploads: Sequence[VideoUploaded], more_headers: Headers = ()) -> None:
    """Publish uploads and wait for the broker's confirmation."""
    for upload in uploads:
        headers = event_headers(upload, event_id=upload.video_id, source="/bench", now_unix_seconds=time.time())
        producer.produce(topic, key=upload.video_id, value=encode(upload), headers=[*headers, *more_headers])
        producer.poll(0)
    if producer.flush(60):
        raise TimeoutError("the broker did not confirm the uploads within 60 s")


def consumer_at_end(settings: Settings, topic: str) -> Consumer:
    """Return a consumer of records that are written from now on."""
    consumer = Consumer({**client_configuration(settings), "group.id": "vidsignal-bench", "enable.auto.commit": False})
    assign_whole(consumer, [topic], OFFSET_END)
    for place in consumer.assignment():  # determined now, before anything is published
        consumer.get_watermark_offsets(place, timeout=10)
    consumer.poll(0.5)
    return consumer


def _close(meters: list[TreeMeter]) -> None:
    for meter in meters:
        meter.close()
