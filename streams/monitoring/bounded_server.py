"""A threading HTTP server that a crowd of idle or slow connections can neither fill the process with nor shut."""

from __future__ import annotations

import contextlib
import socket
import threading
from socketserver import ThreadingMixIn
from typing import Any, Final

MAX_CONNECTIONS: Final = 32
"""Open at once; probes and scrapers need a handful."""
CLIENT_SECONDS: Final = 5.0
"""How long a client may take for one step of its request, and to read its answer."""


class BoundedThreads(ThreadingMixIn):
    """To be named before a server class: one thread a connection; the oldest is closed where there are too many.

    The newest connection is always served, so that a probe gets its answer behind any number of idle clients.
    """

    daemon_threads = True
    request_queue_size = 128  # a short queue makes clients wait for a second and more before they are accepted

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lock = threading.Lock()
        self._open: dict[Any, Any] = {}  # in order of arrival; without those that were closed for others
        self._num_threads = 0
        super().__init__(*args, **kwargs)

    @property
    def num_connections(self) -> int:
        """That have a thread at the moment."""
        with self._lock:
            return self._num_threads

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin to answer in a thread; called by the one thread that accepts connections."""
        with self._lock:
            self._num_threads += 1
            self._open[request] = request
            oldest = self._open.pop(next(iter(self._open))) if len(self._open) > MAX_CONNECTIONS else None
        if oldest is not None:
            with contextlib.suppress(OSError):  # it ended by itself meanwhile
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
        """Clients that hang up, or are too slow, are no news."""
