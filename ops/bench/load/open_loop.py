"""An open loop: uploads are published at their scheduled times, however long earlier ones take.

A latency counts from the scheduled time. So what this process publishes late is charged to the measured system and not
left out (coordinated omission); `latest_seconds` says how late that was at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, Producer
from msgspec.structs import replace

from ops.bench.competitors import consumer_at_end
from ops.bench.load.mix import Arrival
from ops.bench.load.step import ServedStep
from schemas.codec import encode, event_headers
from schemas.receipts import Cost
from schemas.topics import MODERATION, UPLOADED
from schemas.uploads import VideoUploaded
from streams.config.settings import Settings
from streams.kafka.clients import producer_configuration
from streams.kafka.readers_topics import decode_verdict

_POLL_SECONDS: Final = 0.05
_CONFIRM_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Due:
    """An upload and its time."""

    at_seconds: float
    """Since the start of the step."""
    upload: VideoUploaded
    is_awaited: bool = True
    """Whether its verdict is awaited; the loop ends without those of a flood."""


@dataclass(frozen=True, slots=True)
class Played:
    """What one schedule led to."""

    served: ServedStep
    latest_seconds: float
    """How late an upload was published at most."""
    tokens: tuple[int, int] = (0, 0)
    """That language models read and wrote for the videos with a verdict within the schedule."""


def due_uploads(name: str, arrivals: Sequence[Arrival], clips: Sequence[VideoUploaded]) -> list[Due]:
    """Return the schedule's uploads; each is a video of its own, and its creator that of the schedule. Schedules share
    no creators: they may follow each other within a minute."""
    return [
        Due(
            arrival.at_seconds,
            replace(
                clips[arrival.clip],
                video_id=f"{name}-{number}-{clips[arrival.clip].video_id}",
                creator_id=f"{name}-creator-{arrival.creator}",
            ),
        )
        for number, arrival in enumerate(arrivals)
    ]


class OpenLoop:
    """Publishes schedules to one stack and awaits their verdicts.

    Args:
        settings: address of the stack.
        drain_seconds: how long verdicts are awaited after the end of a schedule.
    """

    def __init__(self, settings: Settings, drain_seconds: float) -> None:
        self._settings = settings
        self._drain_seconds = drain_seconds
        self._producer = Producer({**producer_configuration(settings), "linger.ms": 0})
        self._topic = settings.topic_prefix + UPLOADED.name

    def play(
        self, schedule: Sequence[Due], window_seconds: float, at_window_end: Callable[[], None] | None = None
    ) -> Played:
        """Publish a schedule, in order of its times, and return when its verdicts are there or time is up.

        Args:
            schedule: of one step.
            window_seconds: its duration.
            at_window_end: called once when it has passed.
        """
        awaited = {due.upload.video_id: due.at_seconds for due in schedule if due.is_awaited}
        consumer = consumer_at_end(self._settings, self._settings.topic_prefix + MODERATION.name)
        began = time.monotonic()
        lateness: list[float] = [0.0]
        publisher = threading.Thread(target=self._publish, args=(schedule, began, lateness), daemon=True)
        publisher.start()
        try:
            verdicts = self._listen(consumer, set(awaited), began + window_seconds, at_window_end or _nothing)
        finally:
            consumer.close()
            publisher.join(_CONFIRM_SECONDS)
        times = {video: at - began for video, (at, _) in verdicts.items()}
        costs = [cost for at, cost in verdicts.values() if at - began <= window_seconds]
        tokens = sum(cost.input_tokens for cost in costs), sum(cost.output_tokens for cost in costs)
        return Played(ServedStep(window_seconds, awaited, times), max(lateness), tokens)

    def _publish(self, schedule: Sequence[Due], began: float, lateness: list[float]) -> None:
        for due in schedule:
            wait_seconds = began + due.at_seconds - time.monotonic()
            if wait_seconds > 0:
                time.sleep(wait_seconds)
            lateness.append(-wait_seconds)
            self._produce(due.upload)
        self._producer.flush(_CONFIRM_SECONDS)

    def _produce(self, upload: VideoUploaded) -> None:
        headers = event_headers(upload, event_id=upload.video_id, source="/bench", now_unix_seconds=time.time())
        while True:
            try:
                self._producer.produce(self._topic, key=upload.video_id, value=encode(upload), headers=list(headers))
            except BufferError:  # a flood fills the client's queue
                self._producer.poll(_POLL_SECONDS)
            else:
                self._producer.poll(0)
                return

    def _listen(
        self, consumer: Consumer, waiting: set[str], window_end: float, at_window_end: Callable[[], None]
    ) -> dict[str, tuple[float, Cost]]:
        answered: dict[str, tuple[float, Cost]] = {}
        has_ended = False
        while (now := time.monotonic()) < window_end + self._drain_seconds:
            if not has_ended and now >= window_end:
                has_ended = True
                at_window_end()
            if has_ended and not waiting:
                break
            message = consumer.poll(min(_POLL_SECONDS, max(0.0, window_end - now)) if not has_ended else _POLL_SECONDS)
            if message is None or message.error() is not None or message.value() is None:
                continue
            verdict = decode_verdict(message.value())
            if verdict.status == "final" and verdict.video_id in waiting:
                waiting.discard(verdict.video_id)
                answered[verdict.video_id] = time.monotonic(), verdict.cost
        return answered


def _nothing() -> None:
    """Do nothing."""
