"""Waits for a port of a killed worker, whose memory the kernel is still releasing."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Final, TypeVar

Server = TypeVar("Server")

_TIMEOUT_SECONDS: Final = 5.0
"""Ending a worker with all its models in memory takes tenths of a second, and longer on a busy machine."""
_BETWEEN_SECONDS: Final = 0.1


def once_free(listen: Callable[[], Server], timeout_seconds: float = _TIMEOUT_SECONDS) -> Server:
    """Return the result of `listen`, retried for a short time while its address is in use.

    Raises:
        OSError: it stays in use, or cannot be listened on at all.
    """
    give_up_seconds = time.monotonic() + timeout_seconds
    while True:
        try:
            return listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= give_up_seconds:
                raise
        time.sleep(_BETWEEN_SECONDS)
