"""The connection to Redis: a store that is unavailable is waited for, never an error."""

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

_NOT_NOW: Final = re.compile(r"(^|error: )(MISCONF|NOREPLICAS|BUSY|MASTERDOWN) ")
"""The same, where the client has no class for it: no room on disk, too few replicas, a script that runs too long, no
primary. A pipeline puts words before it."""

_NO_RIGHT: Final = "ACL failure in script"
"""The same of a command within a script."""
_FOR_EVER: Final = -1
_ANSWER_SECONDS: Final = 5.0
_FIRST_WAIT_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 2.0
_FAILURES_BETWEEN_WARNINGS: Final = 20

_is_retrying: ContextVar[bool] = ContextVar("is_retrying", default=False)

_log = structlog.get_logger(__name__)


class StoreNotReady(ConnectionError):
    """Redis answered that it does not do this now, or that our user has no right to it until somebody gives it one."""


def is_not_now(error: BaseException) -> bool:
    """Whether Redis may do the same later: what it says of its own state and of our rights, never of one video."""
    words = str(error)
    return isinstance(error, NoPermissionError) or bool(_NOT_NOW.search(words)) or _NO_RIGHT in words


class ToldRetry(Retry):
    """Tries again forever, and tells what it waits for.

    The client retries within retries: a command opens a connection, whose greeting asks whether the connection is well,
    which opens it. Before a store that takes connections and drops them, as a proxy in front of a dead one does, each
    attempt would go one level deeper, without end. So only the outermost repeats; those within try once.
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
        """Return what `do` returns, once it does."""
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
            # A lost connection comes first, and only the next attempt may be refused: that is news.
            if num_failures % _FAILURES_BETWEEN_WARNINGS == 1 or (is_refusal(error) and not was_refused):
                _tell(error, num_failures)
            was_refused = is_refusal(error)
            await fail(error, *counted)

        return await super().call_with_retry(lambda: _asked(do), told, is_retryable, with_failure_count)


async def _asked(do: Callable[[], Awaitable[Answer]]) -> Answer:
    """Raises StoreNotReady in place of what Redis says of its own state and of our rights."""
    try:
        return await do()
    except ResponseError as error:
        if is_not_now(error):
            raise StoreNotReady(str(error)) from error
        raise


async def settled(redis: Redis, ask: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
    """Answers of a pipeline that hands errors over among them, none of which `is_not_now`.

    Args:
        redis: the store; where it was not opened by `open_store`, nothing is waited for.
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
    """The client did."""


async def _once(do: Callable[[], Awaitable[Answer]], fail: Callable[..., Any], *, with_failure_count: bool) -> Answer:
    """Try once; `fail` cleans up, and the error goes on to anyone who repeats."""
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
        """Seconds to wait after that many failures in a row."""
        metrics.RETRIES.labels("redis").inc()
        # The exponent is bounded: a store may be unavailable for days, and 2**failures would outgrow a float.
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
    """A script that is loaded as often as the store forgets it.

    The client loads a script that the store does not know and calls it once more. A store that restarts or fails over
    between the two has forgotten it again.
    """

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it; see `redis.commands.core.AsyncScript`."""
        while True:
            try:
                return await super().__call__(*args, **kwargs)
            except NoScriptError as error:
                _log.warning("redis lost a script that was just loaded; loading it again", reason=str(error))


class Store(Redis):
    """A client of the store whose scripts survive the store's restarts."""

    def register_script(self, script: Any) -> Any:
        """A script that may be called at any time."""
        return LastingScript(self, script)


def open_store(
    url: str, options: Mapping[str, Any] = NO_OPTIONS, rollback_detector: RollbackDetector | None = None
) -> Redis:
    """Return a client whose commands wait forever where Redis is unavailable; nothing is sent yet.

    Every command and script that goes through it may therefore run twice, and must be harmless when it does.

    Args:
        url: of the store.
        options: user and TLS, see `streams.config.redis_options.store_options`.
        rollback_detector: asked at every new connection whether the store still knows what it confirmed.
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
