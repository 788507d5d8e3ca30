"""Processes items while they still arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def fan_out(items: AsyncIterator[Item], work: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """Start work on every item as soon as it arrives; return the results in the order of the items.

    The first failure, of the source of items or of the work on one, cancels all other work and is raised unchanged, so
    the caller can decide by its type.
    """
    tasks: list[asyncio.Task[Result]] = []
    try:
        async with asyncio.TaskGroup() as group:
            async for item in items:
                tasks.append(group.create_task(_begun(work, item)))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _begun(work: Callable[[Item], Awaitable[Result]], item: Item) -> Result:
    """Call inside the task, so that a task that is cancelled before its first step leaves no unawaited coroutine."""
    return await work(item)
