"""Cancels tasks, and determines whether a task was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

_AGAIN_SECONDS: Final = 2.0
"""Longer than a cancelled task needs to clean up."""


async def cancel_all(tasks: Iterable[asyncio.Task[Any]], again_seconds: float = _AGAIN_SECONDS) -> None:
    """Cancel tasks and return when all have ended, with any result; a task that continues is cancelled again.

    Before Python 3.12 `asyncio.wait_for` swallows a cancellation that arrives just when the awaited call is done
    (https://github.com/python/cpython/issues/86296), and the Redis client sends every command through it.
    """
    ended = set(tasks)
    pending = set(ended)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_seconds)
    await asyncio.gather(*ended, return_exceptions=True)  # their errors were seen


def was_cancelled() -> bool:
    """Return whether the current task was cancelled; otherwise a CancelledError was raised by what it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
