"""Detects a Redis that denies access; the client library reports that as a lost connection."""

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
    """Redis denied access, or failed the certificate check; the message contains its answer."""


def is_refusal(error: BaseException) -> bool:
    """Return whether the answer stays the same until a password, a certificate or a user is changed."""
    if isinstance(error, AuthenticationError | AuthenticationWrongNumberOfArgsError | NoPermissionError):
        return True
    cause = error.__cause__ or error.__context__
    if isinstance(cause, NoPermissionError) or "ACL failure in script" in str(cause):
        return True
    return isinstance(cause, ssl.SSLError) and "certificate" in str(cause).lower()


async def require_entry(url: str, options: Mapping[str, Any]) -> None:
    """Connect once; an unavailable or busy store is no refusal, and other code waits for it.

    Raises:
        StoreRefuses: it denies access.
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
