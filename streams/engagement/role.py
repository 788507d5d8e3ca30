"""The engagement role of a worker: its thread, from start to stop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from schemas.topics import ENGAGEMENT
from streams.clock import Clock
from streams.delivery.crash import Crash
from streams.delivery.dead_letters import DeadLetters
from streams.delivery.membership import MEMBERSHIP
from streams.delivery.publisher import Publisher
from streams.engagement.consumer import EngagementConsumer, Parts
from streams.engagement.outlet import ROLE, Outlet
from streams.engagement.store import EngagementStore, Retention
from streams.engagement.summaries import SummarySweep
from streams.kafka_clients import client_configuration
from streams.settings import Settings
from streams.store.keys import Keys
from streams.store.wire import store_options

_ANSWER_SECONDS: Final = 5.0
_LONGEST_BATCH_MILLISECONDS: Final = 600_000
_BUFFER_KILOBYTES: Final = 32 * 1024


class EngagementRole:
    """Counts engagement events in a thread of its own.

    Args:
        settings: of the worker.
        publisher: of the worker, for summaries.
        letters: dead letters.
        crash: takes what has no answer.
        clock: for stamps and waits.
    """

    def __init__(
        self, settings: Settings, publisher: Publisher, letters: DeadLetters, crash: Crash, clock: Clock
    ) -> None:
        self.role: str = ROLE
        self.joined = asyncio.Event()
        self._settings = settings
        self._crash = crash
        self._stopping = threading.Event()
        self._loop = asyncio.get_running_loop()
        outlet = Outlet(self._loop, publisher, letters, clock, self._stopping)
        self._redis = open_counting_store(settings)
        topic = settings.topic_prefix + ENGAGEMENT.name
        store = EngagementStore(self._redis, Keys(settings.topic_prefix), topic, _retention(settings))
        sweep = SummarySweep(store, outlet.publish, clock, settings.engagement_summary_seconds)
        parts = Parts(store, outlet, sweep, clock, self._stopping, settings.engagement_summary_seconds)
        self._consumer = EngagementConsumer(
            consumer_configuration(settings), topic, parts, self._say_joined, self._say_left
        )
        self._thread = threading.Thread(target=self._run, name="vidsignal-engagement", daemon=True)

    def start(self) -> None:
        """Begin to consume."""
        self._thread.start()

    async def stop(self) -> None:
        """Finish the batch in hand and leave the group; what cannot be finished comes again."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, self._settings.drain_timeout_seconds)
        self._redis.close()

    def num_finished(self) -> int:
        """Grows with every counted record."""
        return self._consumer.num_finished

    def lag(self) -> int:
        """Records that wait; none while it waits for a store that is away."""
        return 0 if self.is_waiting() else self._consumer.lag

    @property
    def thread(self) -> EngagementThread:
        """The thread's own progress: where it hangs, nobody measures the lag."""
        return EngagementThread(self._consumer)

    def is_waiting(self) -> bool:
        """Whether it waits for a store that is away."""
        return self._consumer.is_waiting

    def _run(self) -> None:
        try:
            self._consumer.run()
        except BaseException as error:  # a thread has nobody to raise to: the worker ends by it
            self._loop.call_soon_threadsafe(self._crash.report, error)

    def _say_joined(self) -> None:
        self._loop.call_soon_threadsafe(self.joined.set)

    def _say_left(self) -> None:
        self._loop.call_soon_threadsafe(self.joined.clear)


class EngagementThread:
    """Whether the counting thread gets through its steps; see `streams.watchdog.Progress`."""

    role = "engagement-thread"

    def __init__(self, consumer: EngagementConsumer) -> None:
        self._consumer = consumer

    def num_finished(self) -> int:
        """Steps that it got through."""
        return self._consumer.num_steps

    def lag(self) -> int:
        """One while it is in the middle of a step and waits for nobody who is away."""
        return int(self._consumer.is_busy and not self._consumer.is_waiting)


def open_counting_store(settings: Settings) -> Redis:
    """A client for one thread that never repeats a command by itself."""
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        **store_options(settings),
    )


def consumer_configuration(settings: Settings) -> dict[str, Any]:
    """Of librdkafka: eager assignment, and no offsets of its own."""
    return {
        **client_configuration(settings),
        "group.id": f"{settings.topic_prefix}vidsignal-{ROLE}",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "partition.assignment.strategy": "range",
        "session.timeout.ms": round(MEMBERSHIP.session_seconds * 1000),
        "heartbeat.interval.ms": round(MEMBERSHIP.heartbeat_seconds * 1000),
        "max.poll.interval.ms": _LONGEST_BATCH_MILLISECONDS,
        "queued.max.messages.kbytes": _BUFFER_KILOBYTES,
        "topic.metadata.refresh.interval.ms": 30_000,
    }


def _retention(settings: Settings) -> Retention:
    return Retention(settings.engagement_retention_seconds, settings.engagement_unknown_seconds)
