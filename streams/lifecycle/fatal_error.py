"""The fatal error that ends a worker, and the exit codes of a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import structlog

_log = structlog.get_logger(__name__)


class WorkerExit(IntEnum):
    """Meaning of a worker's exit code, for its supervisor."""

    STOPPED = 0
    """It was stopped as requested."""
    MISCONFIGURED = 2
    """A setting, the policy or a version is wrong; a restart does not help."""
    CRASHED = 70
    """A fatal error. Start it again; unfinished events are redelivered."""
    STALLED = 71
    """It had work and made no progress, or its event loop was blocked; its stacks are in the log. Start it again."""
    DEVICE_LOST = 72
    """The accelerator is lost. Start it again; events that were not on the device are redelivered uncounted."""
    STOP_OVERRAN = 75
    """It was stopped, and something hung beyond the drain timeout; its log names what. Unfinished events are
    redelivered."""
    NEEDS_REBUILD = 78
    """The store lacks facts; every restart exits with this code until `vidsignal rebuild` is complete."""


class FatalError:
    """The first fatal error of this process; later ones are only logged."""

    def __init__(self, on_first: Callable[[], None] = lambda: None) -> None:
        """`on_first` is called at the first report, before anything else."""
        self._on_first = on_first
        self.happened = asyncio.Event()
        self.exit_code = WorkerExit.STOPPED
        self.reason = ""
        """One line, logged last: tracebacks are long, and a draining worker continues to log."""

    def report(self, error: BaseException, exit_code: WorkerExit = WorkerExit.CRASHED, **context: Any) -> None:
        """Log the error with its traceback, and ask the worker to end."""
        _log.critical("fatal error; shutting down", exit_code=int(exit_code), exc_info=error, **context)
        if not self.happened.is_set():
            self.exit_code = exit_code
            self.reason = str(error) or repr(error)
            self.happened.set()
            self._on_first()
