"""`/livez` and `/readyz` over HTTP, answered from threads, so that a blocked event loop fails the probe."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar, Final

from streams.monitoring.bounded_server import CLIENT_SECONDS, BoundedThreads
from streams.monitoring.once_free import once_free
from streams.monitoring.port_remedy import port_remedy
from streams.monitoring.readiness import Statement

_FORMER_PATHS: Final = {"/alive": "/livez", "/ready": "/readyz"}
"""Paths of the previous release; they answer for one more release."""


class HealthPortTaken(Exception):
    """The endpoint cannot listen on the configured address; a restart does not help."""


class HealthEndpoint:
    """Answers 200 if a statement holds, otherwise 503, both with a JSON object that gives the reasons.

    Args:
        host: address to listen on.
        port: 0 selects a free one.
        statements: by path.

    Raises:
        HealthPortTaken: the address is in use.
    """

    def __init__(self, host: str, port: int, statements: Mapping[str, Callable[[], Statement]]) -> None:
        handler = type("Handler", (_Handler,), {"statements": dict(statements)})
        try:
            self._server = once_free(lambda: _HealthServer((host, port), handler))
        except OSError as error:
            wanted = f"VIDSIGNAL_HEALTH_HOST {host!r} and VIDSIGNAL_HEALTH_PORT {port}"
            do = port_remedy(error, "VIDSIGNAL_HEALTH_PORT")
            raise HealthPortTaken(f"{wanted}: cannot listen there: {error.strerror or error}; {do}") from error
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="vidsignal-health", daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


class _HealthServer(BoundedThreads, HTTPServer):
    """One thread per connection, up to a limit."""


class _Handler(BaseHTTPRequestHandler):
    statements: ClassVar[dict[str, Callable[[], Statement]]] = {}
    timeout = CLIENT_SECONDS

    def do_GET(self) -> None:
        """Answer one probe."""
        path = self.path.partition("?")[0]
        state = self.statements.get(_FORMER_PATHS.get(path, path))
        if state is None:
            self._answer(HTTPStatus.NOT_FOUND, {"paths": sorted(self.statements)})
            return
        statement = state()
        self._answer(HTTPStatus.OK if statement.holds else HTTPStatus.SERVICE_UNAVAILABLE, statement.details)

    do_HEAD = do_GET  # noqa: N815

    def _answer(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Do nothing: probes are not logged."""
