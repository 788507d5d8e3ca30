"""Videos per core second of intake and verdict, each alone in a worker."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Consumer, Producer, TopicPartition
from msgspec.structs import replace

from ops.bench.competitors import publish
from ops.bench.pipeline import PARTITIONS
from ops.bench.process_tree import TreeMeter
from ops.local.worker_process import WorkerProcess
from schemas.codec import decode_fact, encode, event_headers
from schemas.counted import counted
from schemas.facts import Signal
from schemas.topics import MODERATION, SIGNALS, UPLOADED
from schemas.uploads import FileSource, VideoUploaded
from streams.config.settings import Settings, read_settings
from streams.kafka.clients import client_configuration, producer_configuration, read_to_end
from streams.kafka.topic_admin import create_topics

_FIRST_SHARE, _LAST_SHARE = 0.1, 0.95
"""Measured between these shares of the work, without its start and end."""
_OUTCOMES = 2
"""Per video: pending when it is accepted, final with its last signal."""
_SAMPLE_SECONDS = 0.05
_LONGEST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class LightStage:
    """Addresses of broker and store, and settings of the workers."""

    settings: Settings
    environment: Mapping[str, str]
    folder: Path
    """For logs."""


def light_role_rates(stage: LightStage, num_videos: int) -> dict[str, float]:
    """Measure on separate topics; signals of an analysed video serve as facts."""
    servers, url = stage.settings.kafka_bootstrap_servers, stage.settings.redis_url.get_secret_value()
    settings = read_settings(kafka_bootstrap_servers=servers, redis_url=url, topic_prefix=f"l{uuid4().hex[:8]}.")
    create_topics(settings, partitions=PARTITIONS, replication=1)
    templates = _signals_of_one_video(stage.settings)
    producer = Producer(producer_configuration(settings))
    publish(producer, settings.topic_prefix + UPLOADED.name, _uploads(num_videos))
    intake = _rate(stage, settings, "intake", SIGNALS.name, num_videos)
    _publish_signals(producer, settings, templates, num_videos)
    verdict = _rate(stage, settings, "verdict", MODERATION.name, num_videos * _OUTCOMES) / _OUTCOMES
    return {"intake_videos_per_second_per_core": intake, "verdict_videos_per_second_per_core": verdict}


def _uploads(number: int) -> list[VideoUploaded]:
    source = FileSource(path="/media/clip.mp4")
    title = "A clip of usual length, with a usual title"
    return [VideoUploaded(video_id=f"light-{place}", source=source, title=title) for place in range(number)]


def _signals_of_one_video(settings: Settings) -> list[Signal]:
    """Return the signals of a video whose signals have the median length."""
    found: dict[str, list[Signal]] = {}
    for record in read_to_end(settings, [settings.topic_prefix + SIGNALS.name]):
        fact = decode_fact(record.value)
        if isinstance(fact, Signal):
            found.setdefault(fact.video_id, []).append(fact)
    return sorted(found.values(), key=lambda signals: sum(len(encode(each)) for each in signals))[len(found) // 2]


def _publish_signals(producer: Producer, settings: Settings, templates: Iterable[Signal], number: int) -> None:
    for place in range(number):
        for template in templates:
            signal = replace(template, video_id=f"light-{place}", revision=1, signal_id=uuid4().hex)
            headers = event_headers(signal, event_id=signal.signal_id, source="/bench", now_unix_seconds=time.time())
            topic = settings.topic_prefix + SIGNALS.name
            producer.produce(topic, key=signal.video_id, value=encode(signal), headers=list(headers))
        producer.poll(0)
    if producer.flush(60):
        raise TimeoutError("the broker did not confirm the signals within 60 s")


def _rate(stage: LightStage, settings: Settings, role: str, topic: str, num_records: int) -> float:
    """Return records that the role writes per second of its CPU time, while it processes a backlog.

    CPU time and not wall time: other processes on the machine do not count, and several workers fill a core on which a
    single worker would wait at times.
    """
    environment = {**stage.environment, "VIDSIGNAL_TOPIC_PREFIX": settings.topic_prefix}
    worker = WorkerProcess(stage.folder, environment, name=f"light-{role}", arguments=("--roles", role))
    worker.start()
    meter = TreeMeter(worker.child.pid).open()
    try:
        written = _written(settings, settings.topic_prefix + topic, worker, meter)
        # from the previous reading, so that time passes between the two even if one reading finds everything done
        began, first = next(before for before, (_, count) in pairwise(written) if count >= _FIRST_SHARE * num_records)
        ended, last = next((used, count) for used, count in written if count >= _LAST_SHARE * num_records)
        next(count for _, count in written if count >= num_records)  # the next role needs all of it
        return (last - first) / (ended - began)
    finally:
        meter.close()
        worker.close()


def _written(settings: Settings, topic: str, worker: WorkerProcess, meter: TreeMeter) -> Iterator[tuple[float, int]]:
    """Yield CPU time and number of records in a topic, repeatedly. Raises TimeoutError."""
    consumer = Consumer({**client_configuration(settings), "group.id": "vidsignal-size", "enable.auto.commit": False})
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    give_up = time.monotonic() + _LONGEST_SECONDS
    count = 0
    try:
        while time.monotonic() < give_up:
            worker.child.require_alive()
            count = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
            yield meter.cpu_seconds(), count
            time.sleep(_SAMPLE_SECONDS)
    finally:
        consumer.close()
    raise TimeoutError(f"topic {topic} had {counted(count, 'record')} after {_LONGEST_SECONDS:g} s")
