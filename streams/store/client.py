"""The connection to Redis: a store that is away is waited for, never an error."""

from __future__ import annotations

from typing import Final

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004  redis' own class of that name is meant
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError,  # noqa: A004
    TryAgainError,
)

from streams import metrics

MAX_CONNECTIONS = 64
"""Of one worker; who finds none free waits for one."""

TRANSIENT_ERRORS: Final = (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError,
    TryAgainError,
)
"""A store that restarts, fails over, is full or does not answer; everything we send may be sent again."""

_FOR_EVER: Final = -1
_ANSWER_SECONDS: Final = 5.0
_FIRST_WAIT_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 2.0
_FAILURES_BETWEEN_WARNINGS: Final = 20

_log = structlog.get_logger(__name__)


class ToldBackoff(ExponentialWithJitterBackoff):
    """Waits longer after each failure, and tells that it waits."""

    def __init__(self) -> None:
        super().__init__(cap=_LONGEST_WAIT_SECONDS, base=_FIRST_WAIT_SECONDS)

    def compute(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row."""
        metrics.RETRIES.labels("redis").inc()
        if failures % _FAILURES_BETWEEN_WARNINGS == 1:
            _log.warning("redis is away, waiting", failures=failures)
        # The exponent is bounded: a store may be away for days, and 2**failures would outgrow a float.
        return float(super().compute(min(failures, 16)))


def open_store(url: str) -> Redis:
    """Return a client whose commands wait for ever where Redis is away; nothing is sent yet.

    Every command and script that goes through it may therefore run twice, and must be harmless when it does.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=None,
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
        health_check_interval=30,
        retry=Retry(ToldBackoff(), _FOR_EVER, TRANSIENT_ERRORS),
    )
    return Redis.from_pool(pool)
