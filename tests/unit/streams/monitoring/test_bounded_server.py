"""Both endpoints of a worker behind a crowd of connections: bounded threads, and an answer for anyone who asks."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.request import urlopen

import pytest

from streams.monitoring.bounded_server import MAX_CONNECTIONS
from streams.monitoring.endpoint import HealthEndpoint
from streams.monitoring.metrics_endpoint import MetricsEndpoint
from streams.monitoring.readiness import Statement

NUM_IDLE = 3 * MAX_CONNECTIONS
_TIMEOUT_SECONDS = 60.0


@pytest.fixture(params=["health", "metrics"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each endpoint in turn."""
    opened: Any
    if request.param == "health":
        opened = HealthEndpoint("127.0.0.1", 0, {"/metrics": lambda: Statement(True, {})})
    else:
        opened = MetricsEndpoint("127.0.0.1", 0, list)
        opened.serve()
    yield opened
    opened.close()


def await_condition(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + _TIMEOUT_SECONDS
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.01)


class TestBoundedThreads:
    @pytest.mark.parametrize("sent", [b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: "])
    def test_idle_connections_keep_nobody_out(self, endpoint: Any, sent: bytes) -> None:
        """Behind idle and half-sent requests an answer still comes, and no more threads are held than the bound."""
        with ExitStack() as crowd:
            for _ in range(NUM_IDLE):
                idle = crowd.enter_context(socket.create_connection(("127.0.0.1", endpoint.port), timeout=60))
                idle.sendall(sent)
            with urlopen(f"http://127.0.0.1:{endpoint.port}/metrics", timeout=60) as answer:
                assert answer.status == 200
            await_condition(lambda: endpoint._server.num_connections <= MAX_CONNECTIONS)

    def test_an_idle_connection_is_closed(self, endpoint: Any) -> None:
        """A client that sends nothing is hung up on."""
        with socket.create_connection(("127.0.0.1", endpoint.port), timeout=60) as idle:
            assert idle.recv(1) == b""
        await_condition(lambda: endpoint._server.num_connections == 0)
