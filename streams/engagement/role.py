"""The engagement role of a worker: its thread, from start to stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from schemas.topics import ENGAGEMENT
from streams.config.redis_options import store_options
from streams.config.settings import Settings
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery.held_events import HeldEvents
from streams.engagement.batch_board import BatchBoard
from streams.engagement.consumer import EngagementConsumer, Parts
from streams.engagement.group_wait import GroupWait
from streams.engagement.loop_bridge import LoopBridge
from streams.engagement.store import EngagementStore, Retention
from streams.engagement.summaries import ROLE, SummaryPoller
from streams.kafka.client_id import client_id_of
from streams.kafka.clients import client_configuration
from streams.kafka.membership import MEMBERSHIP
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import Clock
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.lifecycle.fatal_error import FatalError
from streams.observability import metrics
from streams.progress.broker_facts import Partition
from streams.progress.watched import HeldRecord, Wait
from streams.store.keys import Keys

_ANSWER_SECONDS: Final = 5.0
_LONGEST_BATCH_MILLISECONDS: Final = 600_000
"""Of work on one batch; while anything is waited for, the client is polled."""
_BUFFER_KILOBYTES: Final = 32 * 1024
_NO_PARTITION: Final = -1


class EngagementRole:
    """Counts engagement events in a separate thread.

    Args:
        settings: of the worker.
        publisher: of the worker, for summaries.
        dead_letters: dead letters.
        fatal_error: receives fatal errors.
        clock: for timestamps and waits.
        worker_id: of the worker, unique.
        held: the limit on dead letters by internal faults.
        board: read by the worker's parent process, if there is one.
    """

    def __init__(
        self,
        settings: Settings,
        publisher: Publisher,
        dead_letters: DeadLetters,
        fatal_error: FatalError,
        clock: Clock,
        worker_id: str,
        held: HeldEvents,
        board: ExclusiveBoard | None = None,
    ) -> None:
        self.role: str = ROLE
        self.joined = asyncio.Event()
        self._settings = settings
        self._fatal_error = fatal_error
        self._held = held
        self._clock = clock
        self._stopping = threading.Event()
        self._loop = asyncio.get_running_loop()
        wait = GroupWait(self._stopping, clock)
        bridge = LoopBridge(self._loop, publisher, dead_letters, clock, wait)
        self._redis = open_counting_store(settings)
        topic = settings.topic_prefix + ENGAGEMENT.name
        store = EngagementStore(self._redis, Keys(settings.topic_prefix), topic, _retention(settings))
        interval_seconds = settings.engagement_summary_interval_seconds
        poll = SummaryPoller(store, bridge.publish, clock, interval_seconds)
        parts = Parts(store, bridge, poll, clock, wait, interval_seconds, held, BatchBoard(board))
        metrics.ROLE_PAUSED.labels(ROLE).set_function(lambda: float(held.is_paused))
        self._consumer = EngagementConsumer(
            consumer_configuration(settings, worker_id), topic, parts, self._say_joined, self._say_left
        )
        self._thread = threading.Thread(target=self._run, name="vidsignal-engagement", daemon=True)

    def start(self) -> None:
        """Start consuming."""
        self._thread.start()

    async def stop(self) -> None:
        """Finish the batch in progress and leave the group; unfinished events are redelivered."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, self._settings.drain_timeout_seconds)
        self._redis.close()

    @property
    def watched(self) -> WatchedEngagement:
        """The role with the interface that the watchdog reads."""
        topic = self._settings.topic_prefix + ENGAGEMENT.name
        return WatchedEngagement(topic, self._consumer, self.joined.is_set, self._thread, self._clock, self._held)

    def _run(self) -> None:
        try:
            self._consumer.run()
        except BaseException as error:  # a thread cannot raise to a caller: the worker exits with the error
            self._loop.call_soon_threadsafe(self._fatal_error.report, error)

    def _say_joined(self) -> None:
        self._loop.call_soon_threadsafe(self.joined.set)

    def _say_left(self) -> None:
        self._loop.call_soon_threadsafe(self.joined.clear)


class WatchedEngagement:
    """Implements `streams.progress.watched.WatchedRole`: a thread with at most one batch in progress.

    Args:
        topic: name at the broker.
        consumer: runs in the thread.
        has_joined: whether partitions were assigned.
        thread: the thread.
        clock: for ages.
        held: events that wait at the limit on dead letters.
    """

    role = ROLE

    def __init__(
        self,
        topic: str,
        consumer: EngagementConsumer,
        has_joined: Callable[[], bool],
        thread: threading.Thread,
        clock: Clock,
        held: HeldEvents,
    ) -> None:
        self._held = held
        self._topic = topic
        self._consumer = consumer
        self._has_joined = has_joined
        self._thread = thread
        self._clock = clock

    @property
    def has_joined(self) -> bool:
        """See `WatchedRole`."""
        return self._has_joined()

    @property
    def num_delivered(self) -> int:
        """See `WatchedRole`."""
        return self._consumer.num_delivered

    @property
    def num_finished(self) -> int:
        """See `WatchedRole`: finished steps, with or without records."""
        return self._consumer.num_steps

    def handed_out(self, partition: Partition) -> int | None:
        """See `WatchedRole`."""
        return self._consumer.position(partition[1])

    def held(self) -> Sequence[HeldRecord]:
        """See `WatchedRole`: the first record of each partition of the batch; a poll for summaries counts as a record,
        too."""
        step = self._consumer.step
        if step is None:
            return ()
        work_seconds = self._clock.monotonic_seconds() - step.since_seconds
        heads = step.heads or {_NO_PARTITION: 0}
        return [HeldRecord((self._topic, number), offset, work_seconds) for number, offset in heads.items()]

    def waits_for(self) -> Wait | None:
        """See `WatchedRole`."""
        if self._held.is_paused:
            return "dead-letter-limit"
        if self._consumer.is_waiting:
            return "store-unavailable"
        return "slots-taken" if self._consumer.step is not None else None

    def thread_ids(self) -> Sequence[int]:
        """See `WatchedRole`."""
        return () if self._thread.native_id is None else (self._thread.native_id,)


def open_counting_store(settings: Settings) -> Redis:
    """Return a client for one thread that never repeats a command by itself."""
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        **store_options(settings),
    )


def consumer_configuration(settings: Settings, worker_id: str) -> dict[str, Any]:
    """Return the configuration of librdkafka: eager assignment, and no stored offsets of its own."""
    return {
        **client_configuration(settings),
        "client.id": client_id_of(worker_id),
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
    return Retention(settings.engagement_retention_seconds, settings.engagement_unknown_video_ttl_seconds)
