"""`/metrics` for Prometheus and `/slowest` for people, over HTTP, from separate threads.

Metrics contain no video ids, because each would create a series that never ends; `/slowest` names videos while they are
in progress.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import msgspec
from prometheus_client import make_wsgi_app

from streams.delivery.unfinished import UnfinishedEvent
from streams.monitoring.bounded_server import CLIENT_SECONDS, BoundedThreads
from streams.monitoring.once_free import once_free
from streams.monitoring.port_remedy import port_remedy

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

NUM_SLOWEST: Final = 100
"""Maximum number of events in `/slowest`."""

Slowest = Callable[[], Iterable[UnfinishedEvent]]


class MetricsPortTaken(Exception):
    """The endpoint cannot listen on the configured address; a restart does not help."""


class MetricsEndpoint:
    """Has its port from the beginning, and answers from `serve` on; until then connections are refused.

    Args:
        host: address to listen on.
        port: 0 selects a free one.
        slowest: returns unfinished events; called on a thread of the server.

    Raises:
        MetricsPortTaken: the address is in use.
    """

    def __init__(self, host: str, port: int, slowest: Slowest) -> None:
        server_class = _MetricsServerOfSix if ":" in host else _MetricsServer
        self._wanted = f"VIDSIGNAL_METRICS_HOST {host!r} and VIDSIGNAL_METRICS_PORT {port}"
        self._server = server_class((host, port), _SilentHandler, bind_and_activate=False)
        self._server.set_app(_application(slowest))
        self._is_serving = False
        try:
            once_free(self._server.server_bind)
        except OSError as error:
            self._server.server_close()
            raise self._taken(error) from error
        self.port = int(self._server.server_port)

    def serve(self) -> None:
        """Answer until the process ends.

        Raises:
            MetricsPortTaken: another process that was started at the same time listens there.
        """
        try:
            self._server.server_activate()
        except OSError as error:
            raise self._taken(error) from error
        self._is_serving = True
        threading.Thread(target=self._server.serve_forever, name="vidsignal-metrics", daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        if self._is_serving:
            self._server.shutdown()
        self._server.server_close()

    def _taken(self, error: OSError) -> MetricsPortTaken:
        do = port_remedy(error, "VIDSIGNAL_METRICS_PORT")
        return MetricsPortTaken(f"{self._wanted}: cannot listen there: {error.strerror or error}; {do}")


def _application(slowest: Slowest) -> WSGIApplication:
    metrics = make_wsgi_app()

    def answer(environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environment["PATH_INFO"] != "/slowest":
            return metrics(environment, start)  # type: ignore[no-any-return]  # it is typed as a plain Callable
        events = sorted(slowest(), key=lambda event: -event.age_seconds)[:NUM_SLOWEST]
        body = msgspec.json.encode(events)
        start(f"{HTTPStatus.OK.value} OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return answer


class _MetricsServer(BoundedThreads, WSGIServer):
    """One thread per connection, up to a limit."""


class _MetricsServerOfSix(_MetricsServer):
    address_family = socket.AF_INET6


class _SilentHandler(WSGIRequestHandler):
    timeout = CLIENT_SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Do nothing: scrapes are not logged."""
