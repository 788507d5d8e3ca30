"""One question to Redis from a command: answered soon, or the command says that the store is unavailable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from ops.cli.console import fail
from ops.cli.exit_codes import ExitCode
from streams.config.redis_options import store_options
from streams.config.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

Answer = TypeVar("Answer")

ANSWER_SECONDS = 5.0


async def read_once(settings: Settings, question: Callable[[Redis], Awaitable[Answer]]) -> Answer:
    """Ask, close, and return the answer; leaves with the `away` code where Redis does not answer.

    Workers wait for a store that is unavailable; a person at a prompt wants to be told.
    """
    from redis.asyncio import Redis  # with half a second of imports, which a command's help does without
    from redis.exceptions import ConnectionError as StoreUnavailable
    from redis.exceptions import NoPermissionError
    from redis.exceptions import TimeoutError as StoreSilent

    store: Redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        **store_options(settings),
    )
    try:
        return await question(store)
    except NoPermissionError as error:
        fail(f"Redis does not allow us that: {error}", ExitCode.USAGE)
    except (StoreUnavailable, StoreSilent) as error:
        fail(f"Redis does not answer at the address in VIDSIGNAL_REDIS_URL: {error}", ExitCode.UNAVAILABLE)
    finally:
        await store.aclose()
