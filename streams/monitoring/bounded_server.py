"""A threading HTTP server that idle or slow connections can neither exhaust nor block."""

from __future__ import annotations

import contextlib
import socket
import threading
from socketserver import ThreadingMixIn
from typing import Any, Final

MAX_CONNECTIONS: Final = 32
"""Maximum number of open connections; probes and scrapers need a few."""
CLIENT_SECONDS: Final = 5.0
"""Time limit of a client for one step of its request, and for reading its answer."""


class BoundedThreads(ThreadingMixIn):
    """Place it before a server class: one thread per connection; above the limit the oldest is closed.

    The newest connection is always served, so that a probe gets its answer despite any number of idle clients.
    """

    daemon_threads = True
    request_queue_size = 128  # with a short queue clients wait for a second and more before they are accepted

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lock = threading.Lock()
        self._open: dict[Any, Any] = {}  # in order of arrival; without those that were closed to make room
        self._num_threads = 0
        super().__init__(*args, **kwargs)

    @property
    def num_connections(self) -> int:
        """Number of connections that have a thread now."""
        with self._lock:
            return self._num_threads

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start to answer in a thread; called by the one thread that accepts connections."""
        with self._lock:
            self._num_threads += 1
            self._open[request] = request
            oldest = self._open.pop(next(iter(self._open))) if len(self._open) > MAX_CONNECTIONS else None
        if oldest is not None:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                oldest.shutdown(socket.SHUT_RDWR)  # its thread wakes up, and closes it
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, in the connection's own thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)
                self._num_threads -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing: clients that close the connection, or are too slow, are not logged."""
