"""What checks share: the settings, and one connection each to broker and store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from streams.config.redis_options import store_options
from streams.config.settings import Settings
from streams.kafka.clients import BrokerUnavailable, require_broker

Answer = TypeVar("Answer")

ANSWER_SECONDS: Final = 4.0
"""Time limit of a server for one answer."""
SERVER_FAILURES: Final = (BrokerUnavailable, KafkaException, RedisError, OSError)
"""Errors of a request to a server that does not answer."""


class Once(Generic[Answer]):
    """A query that runs when its result is first needed; all callers get the same result or error."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked: Future[Answer] | None = None

    def result(self) -> Answer:
        """Wait for the result; raises the query's error."""
        with self._lock:
            if self._asked is None:
                self._asked = Future()
                fulfil(self._asked, self._ask)
        return self._asked.result()


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The settings, and a client of each server once it has answered."""

    settings: Settings
    broker: Once[AdminClient]
    store: Once[Redis]


def open_check_context(settings: Settings) -> CheckContext:
    """Return a context without any query."""
    return CheckContext(
        settings,
        Once(lambda: require_broker(settings, ANSWER_SECONDS)),
        Once(lambda: open_store_once(settings)),
    )


def open_store_once(settings: Settings) -> Redis:
    """Return a client that does not retry. Raises RedisError if the store does not answer or refuses."""
    options: dict[str, Any] = store_options(settings)
    store = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        **options,
    )
    store.ping()
    return store


def is_there(server: Once[Any]) -> bool:
    """Return whether the server answered; only the check of that server reports the reason."""
    try:
        server.result()
    except SERVER_FAILURES:
        return False
    return True


def in_thread(work: Callable[[], Answer]) -> Future[Answer]:
    """Run in a thread that does not delay the end of the process."""
    answer: Future[Answer] = Future()
    threading.Thread(target=fulfil, args=(answer, work), daemon=True).start()
    return answer


def fulfil(answer: Future[Answer], work: Callable[[], Answer]) -> None:
    """Run the work here and store its result or its error."""
    try:
        answer.set_result(work())
    except BaseException as error:  # raised to the callers that need the result
        answer.set_exception(error)
