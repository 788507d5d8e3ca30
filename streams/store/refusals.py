"""A Redis that answers and does not let us in: for the client library that is one more lost connection."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    NoPermissionError,
    RedisError,
)

_ANSWER_SECONDS: Final = 5.0


class StoreRefuses(Exception):
    """Redis answered and does not let us in, or is not who it should be; the message holds what was said."""


def is_refusal(error: BaseException) -> bool:
    """Whether it will be answered the same until somebody changes a password, a certificate or a user."""
    if isinstance(error, AuthenticationError | AuthenticationWrongNumberOfArgsError | NoPermissionError):
        return True
    cause = error.__cause__ or error.__context__
    if isinstance(cause, NoPermissionError) or "ACL failure in script" in str(cause):
        return True
    return isinstance(cause, ssl.SSLError) and "certificate" in str(cause).lower()


async def require_entry(url: str, options: Mapping[str, Any]) -> None:
    """Ask once; a store that is unavailable or busy is no refusal, and is waited for by others.

    Raises:
        StoreRefuses: it does not let us in.
    """
    once: Redis = Redis.from_url(
        url,
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        **options,
    )
    try:
        await once.ping()
    except RedisError as error:
        if is_refusal(error):
            raise StoreRefuses(f"Redis at the address in redis_url refuses us: {error}") from error
    finally:
        await once.aclose()
