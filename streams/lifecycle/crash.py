"""The end of a process that met something it has no answer to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import structlog

_log = structlog.get_logger(__name__)


class WorkerExit(IntEnum):
    """What a worker's exit code says to whoever supervises it."""

    STOPPED = 0
    """It was asked to."""
    MISCONFIGURED = 2
    """A setting, the policy or a version is wrong; a restart does not help."""
    CRASHED = 70
    """Something that has no answer: start it again, unfinished events come again."""
    STALLED = 71
    """It had work and got nowhere, or its event loop stood still; its stacks are in the log. Start it again."""
    DEVICE_LOST = 72
    """The accelerator answers nothing any more: start it again; what was not on the device comes again uncounted."""
    STOP_OVERRAN = 75
    """It was asked to stop and something hung beyond the drain; its log names what. Unfinished events come again."""
    NEEDS_REBUILD = 78
    """The store misses facts; until `vidsignal rebuild` is through, every restart ends so, and the next one goes on."""


class Crash:
    """The first reason why this process has to end; later ones are logged and change nothing."""

    def __init__(self, on_first: Callable[[], None] = lambda: None) -> None:
        """`on_first` is called at the first report, before anything else can happen."""
        self._on_first = on_first
        self.happened = asyncio.Event()
        self.exit_code = WorkerExit.STOPPED
        self.reason = ""
        """In one line, to be said last: tracebacks are long, and a worker that drains goes on logging."""

    def report(self, error: BaseException, exit_code: WorkerExit = WorkerExit.CRASHED, **context: Any) -> None:
        """Log the error with its traceback, and ask the worker to end."""
        _log.critical("fatal error; shutting down", exit_code=int(exit_code), exc_info=error, **context)
        if not self.happened.is_set():
            self.exit_code = exit_code
            self.reason = str(error) or repr(error)
            self.happened.set()
            self._on_first()
