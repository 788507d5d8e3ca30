"""Lets a request have a server for itself, as far as this process is concerned."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class RequestGate:
    """Requests pass together, or one alone; one that waits to be alone goes before those that come later.

    A server that forms batches of its own fails all requests of a batch for one row. Only a row in a batch without
    others is judged by itself.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._num_together = 0
        self._is_claimed = False

    @contextmanager
    def together(self) -> Iterator[None]:
        """Pass with others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_claimed)
            self._num_together += 1
        try:
            yield
        finally:
            with self._changed:
                self._num_together -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Pass when the others have ended; nobody else passes meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_claimed)
            self._is_claimed = True
            self._changed.wait_for(lambda: self._num_together == 0)
        try:
            yield
        finally:
            with self._changed:
                self._is_claimed = False
                self._changed.notify_all()
