"""Keyed executor: work with the same key runs in the order in which it was enqueued, work with different keys
concurrently.

A fact that failed holds back later facts of its video: folding a later one would raise the applied offset past the
failed one, and its redelivery would be ignored. After a failure, later records with the same key are rejected until the
failed record is redelivered and succeeds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from operators.internal_errors import SharedStateFault
from streams.decision.order import OffsetsOutOfOrder
from streams.lifecycle.cancellation import cancel_all

KeyedWork = Callable[[], Awaitable[None]]


class KeyBlocked(SharedStateFault):
    """Earlier work of the same key failed; this work was not started, and its record must be redelivered."""


@dataclass(frozen=True, slots=True)
class _Task:
    offset: int
    work: KeyedWork
    ended: asyncio.Future[None]


class KeyedExecutor:
    """The executor of one worker. Only keys with work use memory."""

    def __init__(self) -> None:
        self._tasks: dict[str, deque[_Task]] = {}
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._failed_offsets: dict[str, int] = {}
        self._last_offsets: dict[str, int] = {}
        """Last enqueued offset of each key with work."""

    def __len__(self) -> int:
        return len(self._tasks)

    def enqueue(self, key: str, offset: int, work: KeyedWork, *, is_redelivered: bool = False) -> asyncio.Future[None]:
        """Enqueue work for a key. The order is that of the calls, so nothing may be awaited before it.

        Args:
            key: whose queue it is.
            offset: of the record; offsets of one key come from one partition.
            work: started when all earlier work of the key has ended.
            is_redelivered: the record was delivered before, so its offset may be lower than those in the queue.

        Raises:
            OffsetsOutOfOrder: the key has work of this offset or a later one, and the record is not redelivered.

        Returns:
            A future that ends with the work, raises what it raises, or raises KeyBlocked. Cancelling it lets started
            work finish, and prevents work that has not started; the key is then blocked from there on.
        """
        last_offset = self._last_offsets.get(key, offset - 1)
        if offset <= last_offset and not is_redelivered:
            raise OffsetsOutOfOrder(f"offset {offset} of {key!r} was enqueued after offset {last_offset}")
        self._last_offsets[key] = offset
        task = _Task(offset, work, asyncio.get_running_loop().create_future())
        if key in self._tasks:
            self._tasks[key].append(task)
        else:
            self._tasks[key] = deque([task])
            self._loops[key] = asyncio.ensure_future(self._run_key(key))
        return task.ended

    async def close(self) -> None:
        """Cancel all work and wait until it has ended."""
        await cancel_all(self._loops.values())

    async def _run_key(self, key: str) -> None:
        tasks = self._tasks[key]
        try:
            while tasks:
                await self._take(key, tasks.popleft())
        finally:
            for task in tasks:
                task.ended.cancel()
            del self._tasks[key], self._loops[key], self._last_offsets[key]

    async def _take(self, key: str, task: _Task) -> None:
        failed_offset = self._failed_offsets.get(key)
        if task.ended.cancelled():
            self._break(key, task.offset)
        elif failed_offset is not None and task.offset > failed_offset:
            told = f"offset {failed_offset} of {key!r} failed; offset {task.offset} waits until that came again"
            task.ended.set_exception(KeyBlocked(told))
        else:
            await self._work(key, task)

    async def _work(self, key: str, task: _Task) -> None:
        try:
            await task.work()
        except asyncio.CancelledError:
            self._break(key, task.offset)
            task.ended.cancel()
            raise
        except Exception as error:  # not swallowed: it is raised where the future is awaited
            self._break(key, task.offset)
            if not task.ended.done():
                task.ended.set_exception(error)
            return
        if self._failed_offsets.get(key) == task.offset:
            del self._failed_offsets[key]
        if not task.ended.done():
            task.ended.set_result(None)

    def _break(self, key: str, offset: int) -> None:
        self._failed_offsets[key] = min(offset, self._failed_offsets.get(key, offset))
