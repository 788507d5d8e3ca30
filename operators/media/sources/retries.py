"""Tries one request a few times; after that its origin counts as unavailable."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from operators.errors import InvalidMedia, SourceUnavailable
from operators.media.sources.limits import FetchLimits

Result = TypeVar("Result")
Sleep = Callable[[float], Awaitable[None]]


class TryAgain(Exception):
    """An attempt failed in a way that another may not.

    Args:
        message: what was observed.
        retry_after_seconds: requested by the origin.
        at_last: meaning of the last attempt's failure; None is that the origin is unavailable.
    """

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, at_last: InvalidMedia | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.at_last = at_last


async def with_retries(
    origin: str, attempt: Callable[[], Awaitable[Result]], limits: FetchLimits, sleep: Sleep = asyncio.sleep
) -> Result:
    """Return the result of `attempt`.

    Raises:
        SourceUnavailable: no attempt succeeded, or the origin requests a longer wait than permitted.
        InvalidMedia: no attempt succeeded, and the last one attributes it to the media.
    """
    for number in range(1, limits.max_attempts + 1):
        try:
            return await attempt()
        except TryAgain as failure:
            is_left_alone = (failure.retry_after_seconds or 0.0) > limits.max_retry_after_seconds
            if number == limits.max_attempts or is_left_alone:
                raise failure.at_last or SourceUnavailable(origin, f"{failure.message}, {number} tries") from failure
            await sleep(max(failure.retry_after_seconds or 0.0, backoff_seconds(number, limits)))
    raise ValueError(f"max_attempts is {limits.max_attempts}; at least 1")


def backoff_seconds(attempt_number: int, limits: FetchLimits) -> float:
    """Return the wait after the `attempt_number`-th failure: doubling, limited, half of it random."""
    longest = min(limits.max_backoff_seconds, limits.first_backoff_seconds * 2.0 ** (attempt_number - 1))
    return longest * (0.5 + 0.5 * random.random())
