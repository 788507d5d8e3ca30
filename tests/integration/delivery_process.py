"""Starts and ends `tests.integration.delivery_worker` processes, and publishes what they shall do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from schemas.topics import DEAD_LETTER, SIGNALS, UPLOADED
from streams.config.settings import read_settings
from streams.kafka.clients import StoredRecord, read_to_end
from tests.unique_topics import UniqueTopics

LET_GO = "let-go"
"""Key in Redis; until it is there, events that wait are worked on."""
WAIT_SECONDS = 180.0
"""A machine under load is slow; who waits for what happens pays nothing for it."""


class DeliveryStack:
    """Topics of one test, and workers on them.

    Args:
        topics: names; this makes the topics.
        redis_url: the store.
        folder: for logs.
    """

    def __init__(self, topics: UniqueTopics, redis_url: str, folder: Path) -> None:
        for topic in (UPLOADED, SIGNALS, DEAD_LETTER):
            topics.create(topic.name, partitions=2)
        self.topics = topics
        self.settings = read_settings(
            kafka_bootstrap_servers=topics.bootstrap_servers,
            redis_url=redis_url,
            topic_prefix=f"{topics.prefix}.",
        )
        self._redis_url = redis_url
        self._folder = folder
        self._producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "partitioner": "murmur2_random"})

    def publish(self, orders: Mapping[str, dict[str, Any] | bytes]) -> None:
        """Publish one event per key; returns when the broker has them."""
        for key, order in orders.items():
            value = order if isinstance(order, bytes) else json.dumps(order).encode()
            self._producer.produce(self.topics.name(UPLOADED.name), key=key, value=value)
        assert self._producer.flush(WAIT_SECONDS) == 0

    def records(self, stem: str) -> list[StoredRecord]:
        """Everything in one topic."""
        return list(read_to_end(self.settings, [self.topics.name(stem)]))

    @contextmanager
    def worker(self, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
        """A worker that is ready; killed at the end where it still runs."""
        process = self.start(**settings)
        try:
            yield process
        finally:
            end(process)

    def start(self, **settings: object) -> subprocess.Popen[bytes]:
        """Start a worker and wait until it is ready."""
        names = {f"VIDSIGNAL_{name.upper()}": str(value) for name, value in settings.items()}
        environment = {
            **os.environ,
            "VIDSIGNAL_KAFKA_BOOTSTRAP_SERVERS": self.topics.bootstrap_servers,
            "VIDSIGNAL_REDIS_URL": self._redis_url,
            "VIDSIGNAL_TOPIC_PREFIX": f"{self.topics.prefix}.",
            **names,
        }
        with (self._folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.delivery_worker"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=Path(__file__).parents[2],
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (self._folder / "worker.log").read_text()[-4000:]
        return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill it where it still runs, and reap it."""
    if process.poll() is None:
        process.kill()
    process.wait(WAIT_SECONDS)
    if process.stdout is not None:
        process.stdout.close()


def stop(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> int:
    """Ask it to stop; return its exit code."""
    process.send_signal(number)
    return process.wait(WAIT_SECONDS)


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    """Ask again and again for a bounded time."""
    give_up = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < give_up, f"did not happen: {what}"
        time.sleep(0.05)
