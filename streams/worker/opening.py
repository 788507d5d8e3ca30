"""Opens what the roles of a worker share: the store, through two clients, the publisher, and the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from operators.inference.cpu_probe import CpuCapabilities
from schemas.topics import TOPICS
from streams.config.redis_options import store_options
from streams.config.settings import Settings
from streams.kafka.broker_wait import await_topics
from streams.kafka.clients import producer_configuration
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import Clock
from streams.lifecycle.collector import collector_paused
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.store.client import open_store
from streams.store.keys import Keys
from streams.store.refusals import require_entry
from streams.store.rollback_detector import RollbackDetector
from streams.worker.shared import Shared

if TYPE_CHECKING:
    from streams.analysis.engine import Engine, EngineOptions


async def open_shared(
    settings: Settings,
    clock: Clock,
    board: ExclusiveBoard | None,
    opened: AsyncExitStack,
    on_failure: Callable[[BaseException], object],
) -> Shared:
    """Return when Redis answers and every topic exists; `opened` closes everything.

    Args:
        settings: of the worker.
        clock: for waits.
        board: read by the parent process; None without one.
        opened: of the worker.
        on_failure: called on a thread of the publisher if it cannot continue.

    Raises:
        StoreRefuses, BrokerRefuses: access is denied.
    """
    await require_entry(settings.redis_url.get_secret_value(), store_options(settings))
    rollback_detector = RollbackDetector(clock)
    redis = _open_client(settings, opened)
    fold_redis = _open_client(settings, opened, rollback_detector)
    await redis.ping()
    await await_topics(settings, [settings.topic_prefix + topic.name for topic in TOPICS], clock)
    publisher = Publisher(producer_configuration(settings), settings.topic_prefix, clock=clock, on_failure=on_failure)
    opened.push_async_callback(publisher.close)
    return Shared(settings, redis, fold_redis, rollback_detector, Keys(settings.topic_prefix), publisher, clock, board)


async def open_worker_engine(
    settings: Settings,
    capabilities: CpuCapabilities,
    options: Callable[[], EngineOptions],
    parent_id: int | None,
    opened: AsyncExitStack,
) -> Engine:
    """Return when every model is warm; see `streams.analysis.engine_opening.open_engine`, also for what it raises.

    Args:
        settings: of the worker.
        capabilities: of the CPU.
        options: asked once torch is imported.
        parent_id: of the worker's parent process; None where it has none.
        opened: of the worker.
    """
    engines = await asyncio.to_thread(_import_engine)
    engine: Engine = await engines.open_engine(settings, capabilities, replace(options(), parent_id=parent_id))
    opened.push_async_callback(engine.close)
    return engine


def _import_engine() -> Any:
    """`streams.analysis.engine_opening`; torch comes with it and takes seconds."""
    with collector_paused():
        return import_module("streams.analysis.engine_opening")


def _open_client(
    settings: Settings, opened: AsyncExitStack, rollback_detector: RollbackDetector | None = None
) -> Redis:
    client = open_store(settings.redis_url.get_secret_value(), store_options(settings), rollback_detector)
    opened.push_async_callback(client.aclose)
    return client
