"""Retries while the store is unavailable: what may be done twice is done again until it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from redis import ResponseError, WatchError

from streams.engagement.group_wait import GroupWait
from streams.engagement.store import EngagementStore
from streams.lifecycle.backoff import Backoff
from streams.observability import metrics
from streams.store.client import TRANSIENT_ERRORS, is_not_now

_log = structlog.get_logger(__name__)


class StoreRetries:
    """Of one thread; `is_waiting` may be read from any.

    Args:
        store: repairs keys with foreign content.
        wait: paces the tries.
    """

    def __init__(self, store: EngagementStore, wait: GroupWait) -> None:
        self._store = store
        self._wait = wait
        self.is_waiting = False
        """For a store that is unavailable, or for memory."""

    def until_answered(self, ask: Callable[[], Any]) -> Any:
        """Ask again while the store is unavailable, or while somebody else changes what was read.

        Raises:
            Stopping: the worker stops.
            Reassigned: the batch in hand is not to be counted any more.
        """
        delays = Backoff(first_seconds=0.05, limit_seconds=2.0).delays()
        try:
            while True:
                self._wait.step()
                try:
                    return ask()
                except (WatchError, MemoryError, ResponseError, *TRANSIENT_ERRORS) as error:
                    self._judge(error)
                self._wait.sleep(next(delays))
        finally:
            self.is_waiting = False

    def _judge(self, error: Exception) -> None:
        """Say why it is asked again. Raises what no wait helps against."""
        if isinstance(error, WatchError):
            metrics.ENGAGEMENT_EVENTS.labels("retried").inc()
        elif isinstance(error, TRANSIENT_ERRORS):
            metrics.RETRIES.labels("redis").inc()
            self.is_waiting = True
            _log.warning("redis unavailable; waiting", error=repr(error))
        elif isinstance(error, MemoryError):
            self.is_waiting = True
            _log.warning("out of memory; waiting before the batch is counted again")
        elif isinstance(error, ResponseError) and is_not_now(error):
            self.is_waiting = True
            _log.error("redis refuses a command; waiting", reason=str(error))
        elif not self._store.repair(error):
            raise error
