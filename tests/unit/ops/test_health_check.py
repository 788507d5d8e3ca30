"""`ops.health_check`: what a container engine runs to find out how a worker is."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ops.health_check import main
from ops.local.ports import ReservedPort

ANSWERS = {"/livez": HTTPStatus.OK, "/readyz": HTTPStatus.SERVICE_UNAVAILABLE}


class Endpoint(BaseHTTPRequestHandler):
    """Alive, not ready."""

    def do_GET(self) -> None:
        self.send_response(ANSWERS[self.path])
        self.end_headers()
        self.wfile.write(b'{"missing": "broker"}')

    def log_message(self, *_: object) -> None:
        """Not wanted."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("ops.health_check.ANSWER_SECONDS", 60.0)
    with HTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("path", "code"), [("/livez", 0), ("/readyz", 1)])
def test_says_what_the_endpoint_says(address: str, path: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Only 200 is healthy; the answer is shown, as the engine keeps it for people."""
    assert main([address + path]) == code
    assert "broker" in capsys.readouterr().out


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A worker that does not listen is not healthy, and no traceback is needed to report it."""
    with ReservedPort() as port:
        assert main([f"http://{port.address}/livez"]) == 1
    assert "ConnectionRefused" in capsys.readouterr().out


def test_asks_no_proxy(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy for media has nothing to say about this."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert main([f"{address}/livez"]) == 0
