"""The thread of the watchdog, with its own clients and event loop, so that no role can block it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from socket import gethostname
from time import monotonic
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from streams.config.redis_options import store_options
from streams.config.settings import Settings
from streams.kafka.client_id import client_id_of
from streams.kafka.group_names import group_of
from streams.lifecycle.cancellation import cancel_all
from streams.lifecycle.stacks import dump_tasks_and_exit
from streams.observability import metrics
from streams.progress.broker_client import BrokerClient
from streams.progress.broker_facts import FactsUnknown, OffsetsUnavailable
from streams.progress.cpu_share import CpuShare
from streams.progress.outages import Outages
from streams.progress.record_finder import RecordFinder
from streams.progress.role_watch import StallLimits
from streams.progress.watchdog import LOOK_SECONDS, Watchdog
from streams.progress.watched import WatchedRole
from streams.store.keys import Keys
from streams.store.stalls import StallMemory

_ASK_EVERY_SECONDS: Final = 5.0
_QUERIES_WITHIN_LIMIT: Final = 6
_STORE_SECONDS: Final = 3.0
_CLOSE_SECONDS: Final = 5.0

_log = structlog.get_logger(__name__)


class WatchThread:
    """Watches the roles of a worker from the moment they are registered.

    Args:
        settings: of the worker.
        worker_id: of the worker, from which its consumers' client ids are made.
        report_fatal_error: called on the event loop of the worker if the watching itself fails.
        give_up: ends the process.
    """

    def __init__(
        self,
        settings: Settings,
        worker_id: str,
        report_fatal_error: Callable[[BaseException], object],
        give_up: Callable[[str], object] | None = None,
    ) -> None:
        self._settings = settings
        self._client_id = client_id_of(worker_id)
        self._report_fatal_error = report_fatal_error
        self._worker_loop = asyncio.get_running_loop()
        self._give_up = give_up or partial(dump_tasks_and_exit, loop=self._worker_loop)
        self._broker = BrokerClient(settings)
        self._finder = RecordFinder(self._broker.first_record)
        self._outages = Outages(_num_store_retries, _unconfirmed_seconds)
        self.watchdog = Watchdog(stall_limits(settings), self._outages, self._finder, CpuShare())
        self._loop = asyncio.new_event_loop()
        self._loop_turned = threading.Event()
        """Set by the worker's loop since the last check."""
        self._closing = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="vidsignal-watchdog", daemon=True)

    def open(self) -> None:
        """Start the checks."""
        self._thread.start()

    def watch(self, role: WatchedRole) -> None:
        """Watch this role as well; call it before the role joins its group."""
        self.watchdog.watch(role)

    def close(self) -> None:
        """Stop the checks, because a draining worker makes no progress. Returns within seconds."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join(_CLOSE_SECONDS)
        self.watchdog.close()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._watch())
        except BaseException as error:  # a thread cannot raise to a caller: the worker exits with the error
            self._worker_loop.call_soon_threadsafe(self._report_fatal_error, error)
        finally:
            self._loop.close()

    async def _watch(self) -> None:
        redis = _open_store(self._settings)
        memory = StallMemory(redis, Keys(self._settings.topic_prefix).stalls(gethostname()))
        tasks = [asyncio.ensure_future(work) for work in self._work(redis, memory)]
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            done, _ = await asyncio.wait([closing, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {closing}:
                await task
        finally:
            await cancel_all((closing, *tasks))
            await self._broker.close()
            await redis.aclose()

    def _work(self, redis: Redis, memory: StallMemory) -> list[Coroutine[Any, Any, None]]:
        asking = [] if self._settings.is_broker_embedded else [self._ask_for_ever(), self._find_for_ever()]
        return [self._look_for_ever(memory), self._ping_for_ever(redis, memory), *asking]

    async def _look_for_ever(self, memory: StallMemory) -> None:
        looked_seconds = monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now_seconds = monotonic()
            self.watchdog.look(now_seconds - looked_seconds, has_loop_turned=self._loop_turned.is_set())
            looked_seconds = now_seconds
            self._loop_turned.clear()
            self._worker_loop.call_soon_threadsafe(self._loop_turned.set)
            if self.watchdog.give_up_reason:
                await _remember(memory)
                self._give_up(self.watchdog.give_up_reason)

    async def _ping_for_ever(self, redis: Redis, memory: StallMemory) -> None:
        """Ping the store, and read how often workers of this machine stalled."""
        while True:
            try:
                await _settle(memory, self.watchdog)
                self._outages.is_store_answering = bool(await redis.ping())
            except (RedisError, OSError):
                self._outages.is_store_answering = False
            await asyncio.sleep(self._ask_every_seconds)

    async def _ask_for_ever(self) -> None:
        while True:
            await self._ask_about_all()
            await asyncio.sleep(self._ask_every_seconds)

    async def _ask_about_all(self) -> None:
        failure: FactsUnknown | None = None
        for keeper in self.watchdog.keepers:
            if not isinstance(failure, OffsetsUnavailable):  # otherwise nobody would answer for the other roles either
                role: Any = keeper.role
                try:
                    keeper.hear(await self._broker.ask(group_of(self._settings, role), self._client_id))
                    continue
                except FactsUnknown as error:
                    failure = error
            keeper.miss(failure)

    async def _find_for_ever(self) -> None:
        while True:
            await self._finder.answer()
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def _ask_every_seconds(self) -> float:
        return min(_ASK_EVERY_SECONDS, self._settings.undelivered_unready_seconds / _QUERIES_WITHIN_LIMIT)


def stall_limits(settings: Settings) -> StallLimits:
    """Return the limits of the settings."""
    return StallLimits(
        unready_seconds=settings.undelivered_unready_seconds,
        exit_seconds=settings.undelivered_exit_seconds,
        event_seconds=settings.slow_event_seconds,
        overdue_exit_seconds=settings.stall_timeout_seconds,
    )


async def _settle(memory: StallMemory, watchdog: Watchdog) -> None:
    if watchdog.is_well_again:
        await memory.forget()
    watchdog.num_recent_exits = await memory.num_recent()


async def _remember(memory: StallMemory) -> None:
    """Record the exit before it happens; an unavailable store does not delay it."""
    with contextlib.suppress(RedisError, OSError, TimeoutError):
        await asyncio.wait_for(memory.note(), _STORE_SECONDS)


def _open_store(settings: Settings) -> Redis:
    """Open a client whose commands have a time limit, unlike those of the roles."""
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=_STORE_SECONDS,
        socket_connect_timeout=_STORE_SECONDS,
        **store_options(settings),
    )


def _num_store_retries() -> float:
    return _value(metrics.RETRIES.labels("redis"))


def _unconfirmed_seconds() -> float:
    return _value(metrics.OLDEST_UNCONFIRMED_SECONDS)


def _value(metric: Any) -> float:
    return float(next(iter(metric.collect())).samples[0].value)
