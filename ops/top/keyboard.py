"""Waits between frames, and reads the keyboard."""

from __future__ import annotations

import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

QUIT_KEYS: Final = frozenset("qQ")

Wait = Callable[[float], bool]
"""Waits so many seconds; True if the user quits."""


@contextmanager
def keyboard() -> Iterator[Wait]:
    """Keys arrive without Enter inside the block; without a terminal it only waits."""
    if not sys.stdin.isatty():
        yield _sleep
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)  # Ctrl-C stays what it is
    try:
        yield _listen
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _listen(seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while (left := give_up - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0] and sys.stdin.read(1) in QUIT_KEYS:
            return True
    return False
