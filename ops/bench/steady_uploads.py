"""Publishes uploads at a steady rate into every partition, and records the times of their final verdicts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, pairwise

from aiokafka.partitioner import murmur2
from confluent_kafka import Producer

from ops.bench.competitors import consumer_at_end
from schemas.codec import encode, event_headers
from schemas.topics import MODERATION, UPLOADED
from schemas.uploads import FileSource, VideoUploaded
from streams.config.settings import Settings
from streams.kafka.clients import producer_configuration
from streams.kafka.readers_topics import decode_verdict

_POLL_SECONDS = 0.05
_JOIN_SECONDS = 30.0


class SteadyUploads:
    """Times of uploads and verdicts; on the monotonic clock, in seconds.

    Args:
        settings: address of the stack.
        partitions: of the topics.
        interval_seconds: between two uploads into one partition.
    """

    def __init__(self, settings: Settings, partitions: int, interval_seconds: float) -> None:
        self._settings = settings
        self._pause_seconds = interval_seconds / partitions
        self._names = _names_by_partition(partitions)
        self._partitions = partitions
        self._ending = threading.Event()
        self.uploaded: dict[str, float] = {}
        """By video."""
        self.partition: dict[str, int] = {}
        self.decided: dict[str, float] = {}
        """The first final verdict of each video."""

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Publish and consume until the block ends."""
        threads = [threading.Thread(target=run, daemon=True) for run in (self._listen, self._upload)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ending.set()
            for thread in threads:
                thread.join(_JOIN_SECONDS)

    def await_decided(self, since: float, until: float, timeout_seconds: float) -> None:
        """Wait for the verdicts of what was uploaded in that period. Raises TimeoutError."""
        give_up = time.monotonic() + timeout_seconds
        while open_ones := [
            name for name, at in list(self.uploaded.items()) if since <= at < until and name not in self.decided
        ]:
            if time.monotonic() > give_up:
                raise TimeoutError(f"{len(open_ones)} uploads have no final verdict, {open_ones[0]} is one of them")
            time.sleep(_POLL_SECONDS)

    def flows_again_seconds(self, partition: int, since: float) -> float:
        """Return the time until something uploaded later was decided. Raises ValueError if nothing was."""
        return min(self.decided[name] for name in self._decided_in(partition) if self.uploaded[name] >= since) - since

    def longest_stop_seconds(self, partition: int, since: float, until: float) -> float:
        """Return the longest time without a verdict."""
        times = sorted(at for name in self._decided_in(partition) if since <= (at := self.decided[name]) < until)
        places = [since, *times, until]
        return max(later - earlier for earlier, later in pairwise(places))

    def late_share(self, since: float, until: float, limit_seconds: float) -> float:
        """Return the share of uploads in that period that were decided later than the limit."""
        took = [self.decided[name] - at for name, at in self.uploaded.items() if since <= at < until]
        return sum(seconds > limit_seconds for seconds in took) / len(took)

    def _decided_in(self, partition: int) -> list[str]:
        return [name for name in list(self.decided) if self.partition.get(name) == partition]

    def _upload(self) -> None:
        producer = Producer({**producer_configuration(self._settings), "linger.ms": 0})
        topic = self._settings.topic_prefix + UPLOADED.name
        due = time.monotonic()
        for number in count():
            partition = number % self._partitions
            upload = VideoUploaded(video_id=next(self._names[partition]), source=FileSource(path="/stand-in"))
            self.partition[upload.video_id] = partition
            self.uploaded[upload.video_id] = time.monotonic()
            headers = event_headers(upload, event_id=upload.video_id, source="/bench", now_unix_seconds=time.time())
            producer.produce(topic, key=upload.video_id, value=encode(upload), headers=list(headers))
            producer.poll(0)
            due += self._pause_seconds
            if self._ending.wait(max(0.0, due - time.monotonic())):
                break
        producer.flush(_JOIN_SECONDS)

    def _listen(self) -> None:
        consumer = consumer_at_end(self._settings, self._settings.topic_prefix + MODERATION.name)
        while not self._ending.is_set():
            message = consumer.poll(_POLL_SECONDS)
            if message is None or message.error() is not None or message.value() is None:
                continue
            verdict = decode_verdict(message.value())
            if verdict.status == "final":
                self.decided.setdefault(verdict.video_id, time.monotonic())
        consumer.close()


def _names_by_partition(partitions: int) -> list[Iterator[str]]:
    """Return endless video ids for each partition, by the clients' partitioner."""

    def names(partition: int) -> Iterator[str]:
        for number in count():
            name = f"v{partition}-{number}"
            if (murmur2(name.encode()) & 0x7FFFFFFF) % partitions == partition:
                yield name

    return [names(partition) for partition in range(partitions)]
