"""Opens what the roles of a worker share: the store, through two clients, and the publisher."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from redis.asyncio import Redis

from schemas.topics import TOPICS
from streams.config.redis_options import store_options
from streams.config.settings import Settings
from streams.kafka.broker_wait import await_topics
from streams.kafka.clients import producer_configuration
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import Clock
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.store.client import open_store
from streams.store.keys import Keys
from streams.store.refusals import require_entry
from streams.store.rollback_detector import RollbackDetector
from streams.worker.shared import Shared


async def open_shared(
    settings: Settings,
    clock: Clock,
    board: ExclusiveBoard | None,
    opened: AsyncExitStack,
    on_failure: Callable[[BaseException], object],
) -> Shared:
    """Return when Redis answers and every topic exists; what is open is closed with `opened`.

    Args:
        settings: of the worker.
        clock: for waits.
        board: read by the parent process; None where there is none.
        opened: of the worker.
        on_failure: called on a thread of the publisher when that cannot go on.

    Raises:
        StoreRefuses, BrokerRefuses: who asks is not let in.
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


def _open_client(
    settings: Settings, opened: AsyncExitStack, rollback_detector: RollbackDetector | None = None
) -> Redis:
    client = open_store(settings.redis_url.get_secret_value(), store_options(settings), rollback_detector)
    opened.push_async_callback(client.aclose)
    return client
