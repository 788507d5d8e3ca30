"""Threads of a worker's event loop, which are not awaited at its end.

Their calls, such as reading the log, or waiting for a silent broker or a mount, can take longer than a drain. At the
end of the loop nobody waits for their results, and nothing that they do has to be finished.
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

_PREFIX: Final = "vidsignal-loop"
_TIMEOUT_SECONDS: Final = 0.5

_log = structlog.get_logger(__name__)


class LoopThreads(ThreadPoolExecutor):
    """The default executor of a worker's loop; its shutdown never blocks the loop's end."""

    def __init__(self) -> None:
        super().__init__(thread_name_prefix=_PREFIX)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more work; running work continues."""
        del wait, cancel_futures
        super().shutdown(wait=False, cancel_futures=True)


def leave(exit_code: int) -> int:
    """Return the exit code, or end the process with it if threads of the loop still run: a normal exit would join
    them."""
    for thread in _running():
        thread.join(_TIMEOUT_SECONDS)
    if left := _running():
        _log.warning("threads still running at the end; leaving them", threads=[thread.name for thread in left])
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)
    return exit_code


def _running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(_PREFIX)]
