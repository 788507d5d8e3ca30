"""`bench engagement`: events per second of one worker on one core, and a comparison of its counts with a recount."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import exp, isclose
from pathlib import Path
from uuid import uuid4

import redis

from ops.assets.cache import default_cache_dir
from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.report import BenchReport, Bound, Figure, summarise
from ops.engagement_stream import engagement_stream, publish_events, video_names
from ops.local.kafka_server import KafkaCluster
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from ops.local.worker_process import WorkerProcess
from schemas.topics import ENGAGEMENT
from streams.config.settings import Settings, read_settings
from streams.kafka.clients import read_to_end
from streams.kafka.topic_admin import create_topics
from streams.store.keys import Keys

PARTITIONS = 8
VIDEOS = 5_000
EVENTS, QUICK_EVENTS = 200_000, 60_000
"""Number of events per round."""
ROUNDS, QUICK_ROUNDS = 5, 2
"""Rounds after the first, which is dropped."""
KILLS, QUICK_KILLS = 6, 2
"""Kills of the worker; Redis is killed half as often."""
_CORE = min(os.sched_getaffinity(0))
_PINNED = (
    f"import os, sys; os.sched_setaffinity(0, {{{_CORE}}}); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
_SAMPLE_SECONDS = 0.01
_LONGEST_SECONDS = 300.0
_BETWEEN_KILLS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Bench:
    """One broker, one store, one prefix."""

    settings: Settings
    environment: dict[str, str]
    folder: Path
    redis: RedisServer

    def counted(self) -> int:
        """Return the sum of the counted offsets; every partition starts at 0."""
        keys = Keys(self.settings.topic_prefix)
        topic = self.settings.topic_prefix + ENGAGEMENT.name
        with redis.Redis.from_url(self.redis.url) as client:
            return sum(
                int(at or 0) for at in client.mget([keys.engagement_offset(topic, n) for n in range(PARTITIONS)])
            )

    def worker(self) -> WorkerProcess:
        """Return a worker with the engagement role only, on one core; not started."""
        command = (sys.executable, "-P", "-c", _PINNED, "-P", "-m", "ops.cli", "worker", "--roles", "engagement")
        return WorkerProcess(self.folder, self.environment, name="engagement", command=command)


def bench_engagement(options: BenchOptions) -> BenchReport:
    """Measure; about three minutes, or under one and a half with `is_quick`."""
    rates: list[float] = []
    rounds = 1 + (QUICK_ROUNDS if options.is_quick else ROUNDS)
    num_events = QUICK_EVENTS if options.is_quick else EVENTS
    options.say("starting Apache Kafka and Redis 8 ...")
    with scratch_dir() as folder, KafkaCluster(folder / "kafka", default_cache_dir()) as kafka:
        with _bench(kafka, folder / "fast", is_persistent=False) as bench:
            for number in range(rounds):
                rate = _measure(bench, num_events, number)
                options.say(f"round {number}: {rate:.0f} events/s" + ("" if number else " (dropped)"))
                rates += [rate] if number else []
            differing = len(differences(bench.settings))
        with _bench(kafka, folder / "killed", is_persistent=True) as bench:
            kills = QUICK_KILLS if options.is_quick else KILLS
            differing_after_kills = _hurt(bench, num_events, kills, options)
    figures = (
        summarise("throughput of one worker on one core", rates, "events/s", Bound("at least", 20_000.0)),
        Figure("videos that differ from a recount", differing, "videos", Bound("at most", 0)),
        Figure("the same after kills", differing_after_kills, "videos", Bound("at most", 0)),
    )
    return BenchReport("engagement", describe_machine(), figures, remarks=_remarks(num_events, kills))


def _remarks(num_events: int, num_kills: int) -> tuple[str, ...]:
    return (
        f"{num_events} events a round of {VIDEOS} videos by Zipf's law, 3% sent twice, 2% up to two hours late",
        "measured from the first counted batch to the last, on a log that is filled before the worker starts",
        f"{num_kills} SIGKILLs of the worker and {num_kills // 2} of Redis (append-only, synced at every write)",
        "broker and Redis share all cores with the worker",
    )


@contextmanager
def _bench(kafka: KafkaCluster, folder: Path, *, is_persistent: bool) -> Iterator[Bench]:
    with RedisServer(folder / "redis", persistent=is_persistent) as store:
        prefix = f"b{uuid4().hex[:8]}."
        servers = kafka.bootstrap_servers
        settings = read_settings(kafka_bootstrap_servers=servers, redis_url=store.url, topic_prefix=prefix)
        create_topics(settings, partitions=PARTITIONS, replication=1)
        environment = {
            "VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": servers,
            "VIDSIGNAL_REDIS_URL": store.url,
            "VIDSIGNAL_TOPIC_PREFIX": prefix,
            "VIDSIGNAL_LOG_LEVEL": "warning",
        }
        yield Bench(settings, environment, folder, store)


def _fill(bench: Bench, num_events: int, seed: int) -> int:
    """Publish; return the offset that the counts must reach."""
    publish_events(bench.settings, engagement_stream(video_names(VIDEOS), num_events, time.time(), seed))
    return (seed + 1) * num_events


def _measure(bench: Bench, num_events: int, number: int) -> float:
    before = bench.counted()
    target = _fill(bench, num_events, number)
    worker = bench.worker()
    worker.start()
    try:
        first = _await_counted(bench, before + 1, worker)
        began = time.monotonic()
        last = _await_counted(bench, target, worker)
        return (last - first) / (time.monotonic() - began)
    finally:
        worker.close()


def _await_counted(bench: Bench, wanted: int, worker: WorkerProcess) -> int:
    give_up = time.monotonic() + _LONGEST_SECONDS
    while (counted := bench.counted()) < wanted:
        worker.child.require_alive()
        if time.monotonic() > give_up:
            raise TimeoutError(f"{counted} of {wanted} events were counted within {_LONGEST_SECONDS} s")
        time.sleep(_SAMPLE_SECONDS)
    return counted


def _hurt(bench: Bench, num_events: int, kills: int, options: BenchOptions) -> int:
    """Kill the worker repeatedly during work, and Redis every second time; return how many videos differ."""
    target = _fill(bench, num_events, 0)
    worker = bench.worker()
    for number in range(kills):
        worker.start()
        _await_counted(bench, min(target, (number + 1) * target // (kills + 2)), worker)
        if number % 2:
            bench.redis.restart()
            time.sleep(_BETWEEN_KILLS_SECONDS)
        worker.kill()
        options.say(f"kill {number + 1}: {bench.counted()} of {target} events counted")
    worker.start()
    try:
        _await_counted(bench, target, worker)
    finally:
        worker.close()
    return len(differences(bench.settings))


@dataclass(slots=True)
class Recount:
    """The log's counts of one video, computed without product code."""

    counts: Counter[str] = field(default_factory=Counter)
    watch_seconds: float = 0.0
    times: list[tuple[float, str]] = field(default_factory=list)


def recount(settings: Settings) -> dict[str, Recount]:
    """Read the whole log and count each id once; only for logs without invalid events that are minutes long."""
    videos: dict[str, Recount] = {}
    seen: set[tuple[str, str]] = set()
    for record in read_to_end(settings, [settings.topic_prefix + ENGAGEMENT.name]):
        event = json.loads(record.value or b"{}")
        identity = (event["video_id"], event["event_id"])
        if identity in seen:
            continue
        seen.add(identity)
        video = videos.setdefault(event["video_id"], Recount())
        video.counts[event["kind"]] += 1
        video.watch_seconds += event.get("watch_seconds") or 0.0
        video.times.append((event["event_unix_seconds"], event["kind"]))
    return videos


def differences(settings: Settings) -> list[str]:
    """Return videos whose record in Redis differs from a recount of the log."""
    keys = Keys(settings.topic_prefix)
    expected = recount(settings)
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as client:
        names = list(expected)
        values = client.mget([keys.engagement(name) for name in names]) if names else []
    return [name for name, value in zip(names, values, strict=True) if not _equals(expected[name], value)]


def _equals(expected: Recount, value: bytes | None) -> bool:
    found = json.loads(value or b"{}")
    times = expected.times
    as_of = max(at for at, _ in times)
    if found.get("counts") != dict(expected.counts) or found["as_of_unix_seconds"] != as_of:
        return False
    if not isclose(found.get("watch_seconds", 0.0), expected.watch_seconds, abs_tol=1e-6):
        return False
    day = dict.fromkeys(expected.counts, 0.0)
    for at, kind in times:
        day[kind] += exp((at - as_of) / 86_400.0)
    return all(isclose(found["windows"]["1d"][kind], value, rel_tol=1e-6) for kind, value in day.items())
