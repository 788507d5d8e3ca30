"""Ends a process that is stuck, with its stacks in the log."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import structlog

from streams.lifecycle.fatal_error import WorkerExit

_MOST_TASKS: Final = 200

_log = structlog.get_logger(__name__)


def dump_and_exit(stuck: str) -> NoReturn:
    """Write the stacks of all threads to standard error and exit with `WorkerExit.STALLED`; `stuck` is a text for
    people."""
    _log.critical("worker stalled; exiting", stuck=stuck)
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    sys.stderr.flush()
    os._exit(WorkerExit.STALLED)


def dump_tasks_and_exit(stuck: str, loop: asyncio.AbstractEventLoop | None = None) -> NoReturn:
    """The same with the tasks of a loop, by default the running one: no thread's stack shows what they wait for."""
    for task in list(asyncio.all_tasks(loop))[:_MOST_TASKS]:
        sys.stderr.write(f"Task {task.get_name()} (innermost await last):\n")
        sys.stderr.writelines(_awaits(task.get_coro()))
    dump_and_exit(stuck)


def _awaits(awaited: Any) -> Iterator[str]:
    """Yield one line for each coroutine that waits for the next; `Task.print_stack` shows only the outermost."""
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            yield f'  File "{frame.f_code.co_filename}", line {frame.f_lineno} in {frame.f_code.co_name}\n'
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
