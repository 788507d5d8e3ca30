"""Tasks of a worker whose error ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from operators.errors import DeviceFault, DeviceFull
from streams.lifecycle.cancellation import cancel_all
from streams.lifecycle.fatal_error import FatalError, WorkerExit


class SupervisedTasks:
    """Background tasks of one worker.

    Args:
        fatal_error: gets the first error of a task.
    """

    def __init__(self, fatal_error: FatalError) -> None:
        self._fatal_error = fatal_error
        self._tasks: list[asyncio.Task[object]] = []

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Run in the background; an error in it ends the worker."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._report)
        self._tasks.append(task)

    async def cancel(self) -> None:
        """Cancel all, and wait for their ends."""
        await cancel_all(self._tasks)

    async def run_until_ended(
        self, serving: Coroutine[Any, Any, None], stopped: asyncio.Event, raised: tuple[type[Exception], ...]
    ) -> None:
        """Run until a signal or a fatal error ends it.

        Args:
            serving: what the worker does.
            stopped: set by a signal.
            raised: errors of `serving` that are raised; others are reported as fatal errors.
        """
        tasks: list[asyncio.Task[Any]] = [
            asyncio.ensure_future(serving),
            asyncio.ensure_future(stopped.wait()),
            asyncio.ensure_future(self._fatal_error.happened.wait()),
        ]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await cancel_all(pending)
        error = tasks[0].exception() if tasks[0] in done else None
        if isinstance(error, raised):
            raise error
        if error is not None:
            self._fatal_error.report(error, exit_for(error))

    def report_from_thread(self) -> Callable[[BaseException], object]:
        """Return a function by which any thread reports a fatal error."""
        loop = asyncio.get_running_loop()
        return lambda error: loop.call_soon_threadsafe(self._fatal_error.report, error)

    def _report(self, task: asyncio.Task[object]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._fatal_error.report(task.exception() or RuntimeError("ended"))


def exit_for(error: BaseException) -> WorkerExit:
    """Return the exit code that tells a supervisor whether the device or the program is at fault."""
    is_lost = isinstance(error, DeviceFault) and not isinstance(error, DeviceFull)
    return WorkerExit.DEVICE_LOST if is_lost else WorkerExit.CRASHED
