"""A collector of traces for benchmarks: decodes and counts what it receives, and stores nothing."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class TraceSink:
    """Listens on a free port of loopback while it is open."""

    def __init__(self) -> None:
        self.num_bytes = 0
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                sink.take(self.rfile.read(int(self.headers["Content-Length"])), self.headers.get("Content-Encoding"))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (http.server's name)
                """Do nothing: requests are not logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, body: bytes, encoding: str | None) -> None:
        """Process one request's body; called on a separate thread."""
        del encoding
        self.num_bytes += len(body)

    @property
    def endpoint(self) -> str:
        """The value for `VIDSIGNAL_TRACES_ENDPOINT`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()
