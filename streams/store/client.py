"""The connection to Redis: commands wait for an unavailable store and raise no error."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final, TypeVar

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004  redis' own class of that name is meant
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004
    TryAgainError,
)

from streams.config.redis_options import NO_OPTIONS
from streams.observability import metrics
from streams.store.refusals import is_refusal
from streams.store.rollback_detector import RollbackDetector

Answer = TypeVar("Answer")

MAX_CONNECTIONS = 64
"""Connections of one worker; further commands wait for a free one."""

TRANSIENT_ERRORS: Final = (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError,
    TryAgainError,
)
"""Errors of a store that restarts, fails over, is full or does not answer; every command may be sent again."""

_NOT_NOW: Final = re.compile(r"(^|error: )(MISCONF|NOREPLICAS|BUSY|MASTERDOWN) ")
"""The same, for errors without a class in the client: no disk space, too few replicas, a long-running script, no
primary. A pipeline adds a prefix."""

_NO_RIGHT: Final = "ACL failure in script"
"""The same for a missing right within a script."""
_FOR_EVER: Final = -1
_ANSWER_SECONDS: Final = 5.0
_FIRST_WAIT_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 2.0
_FAILURES_BETWEEN_WARNINGS: Final = 20

_is_retrying: ContextVar[bool] = ContextVar("is_retrying", default=False)

_log = structlog.get_logger(__name__)


class StoreNotReady(ConnectionError):
    """Redis answered that it cannot do this now, or that our user lacks the right."""


def is_not_now(error: BaseException) -> bool:
    """Return whether Redis may accept the same later: its own state and missing rights, never a fault of one video's
    data."""
    words = str(error)
    return isinstance(error, NoPermissionError) or bool(_NOT_NOW.search(words)) or _NO_RIGHT in words


class ToldRetry(Retry):
    """Retries forever, and reports what it waits for.

    The client retries recursively: a command opens a connection, the handshake checks the connection, and the check
    opens it again. With a server that accepts and drops connections, such as a proxy in front of a dead store, each
    attempt would add a level. So only the outermost call repeats; nested ones try once.
    """

    def __init__(self) -> None:
        super().__init__(BoundedBackoff(), _FOR_EVER, TRANSIENT_ERRORS)

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[Answer]],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> Answer:
        """Return the result of `do` once it succeeds."""
        if _is_retrying.get():
            return await _once(do, fail, with_failure_count=with_failure_count)
        token = _is_retrying.set(True)
        try:
            return await self._repeat(do, fail, is_retryable, with_failure_count)
        finally:
            _is_retrying.reset(token)

    async def _repeat(
        self,
        do: Callable[[], Awaitable[Answer]],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None,
        with_failure_count: bool,
    ) -> Answer:
        num_failures = 0
        was_refused = False

        async def told(error: Exception, *counted: int) -> None:
            nonlocal num_failures, was_refused
            num_failures += 1
            # A lost connection may be followed by a refusal at the next attempt, which is reported as well.
            if num_failures % _FAILURES_BETWEEN_WARNINGS == 1 or (is_refusal(error) and not was_refused):
                _tell(error, num_failures)
            was_refused = is_refusal(error)
            await fail(error, *counted)

        return await super().call_with_retry(lambda: _asked(do), told, is_retryable, with_failure_count)


async def _asked(do: Callable[[], Awaitable[Answer]]) -> Answer:
    """Raise StoreNotReady for errors of Redis' own state and of missing rights."""
    try:
        return await do()
    except ResponseError as error:
        if is_not_now(error):
            raise StoreNotReady(str(error)) from error
        raise


async def settled(redis: Redis, ask: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
    """Return the answers of a pipeline that returns errors in its list; none of them is `is_not_now`.

    Args:
        redis: the store; if it was not opened by `open_store`, nothing is waited for.
        ask: fills the pipeline and executes it; may be called again.
    """
    if not isinstance(redis.connection_pool.connection_kwargs.get("retry"), ToldRetry):
        return await ask()
    return await ToldRetry().call_with_retry(lambda: _none_refused(ask), _nothing_to_close)


async def _none_refused(ask: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
    answers = await ask()
    for answer in answers:
        if isinstance(answer, ResponseError) and is_not_now(answer):
            raise answer
    return answers


async def _nothing_to_close(_error: Exception) -> None:
    """Do nothing: the client has closed the connection."""


async def _once(do: Callable[[], Awaitable[Answer]], fail: Callable[..., Any], *, with_failure_count: bool) -> Answer:
    """Try once; `fail` cleans up, and the error is raised to the caller that repeats."""
    try:
        return await do()
    except TRANSIENT_ERRORS as error:
        await (fail(error, 1) if with_failure_count else fail(error))
        raise


class BoundedBackoff(ExponentialWithJitterBackoff):
    """Waits longer after each failure, up to a limit."""

    def __init__(self) -> None:
        super().__init__(cap=_LONGEST_WAIT_SECONDS, base=_FIRST_WAIT_SECONDS)

    def compute(self, failures: int) -> float:
        """Return the seconds to wait after that many failures in a row."""
        metrics.RETRIES.labels("redis").inc()
        # The exponent is limited: a store may be unavailable for days, and 2**failures would overflow a float.
        return float(super().compute(min(failures, 16)))


def _tell(error: Exception, failures: int) -> None:
    if is_refusal(error):
        _log.error(
            "redis authentication failed; waiting: user, password, certificates or the user's permissions are wrong;"
            " `ACL LOG` on the server names the command or key",
            reason=str(error),
        )
    else:
        _log.warning("redis unavailable; waiting", failures=failures, reason=str(error))


class LastingScript(AsyncScript):
    """A script that is loaded again whenever the store has lost it.

    The client loads an unknown script and calls it once more. If the store restarts or fails over between the two, the
    script is unknown again.
    """

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the script; see `redis.commands.core.AsyncScript`."""
        while True:
            try:
                return await super().__call__(*args, **kwargs)
            except NoScriptError as error:
                _log.warning("redis lost a script that was just loaded; loading it again", reason=str(error))


class Store(Redis):
    """A client whose scripts survive restarts of the store."""

    def register_script(self, script: Any) -> Any:
        """Return a script that may be called at any time."""
        return LastingScript(self, script)


def open_store(
    url: str, options: Mapping[str, Any] = NO_OPTIONS, rollback_detector: RollbackDetector | None = None
) -> Redis:
    """Return a client whose commands wait forever while Redis is unavailable; nothing is sent yet.

    Every command and script through it may therefore run twice, and must be idempotent.

    Args:
        url: of the store.
        options: user and TLS, see `streams.config.redis_options.store_options`.
        rollback_detector: checks at every new connection that the store still has what it confirmed.
    """
    greeting = {} if rollback_detector is None else {"redis_connect_func": rollback_detector.check_connection}
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=None,
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
        health_check_interval=30,
        retry=ToldRetry(),
        **greeting,
        **options,
    )
    return Store.from_pool(pool)
