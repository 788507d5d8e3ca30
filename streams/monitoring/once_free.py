"""A port that the worker before this one may still hold: it was killed, and the kernel is at taking it apart."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Final, TypeVar

Server = TypeVar("Server")

_PATIENCE_SECONDS: Final = 5.0
"""A worker with all its models in memory takes tenths of a second to be taken apart, and longer on a busy machine."""
_BETWEEN_SECONDS: Final = 0.1


def once_free(listen: Callable[[], Server], patience_seconds: float = _PATIENCE_SECONDS) -> Server:
    """Return what `listen` returns, tried again for a moment while its address is in use.

    Raises:
        OSError: it is in use by somebody who stays, or cannot be listened on at all.
    """
    give_up_seconds = time.monotonic() + patience_seconds
    while True:
        try:
            return listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= give_up_seconds:
                raise
        time.sleep(_BETWEEN_SECONDS)
