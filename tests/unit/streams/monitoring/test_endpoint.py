"""The endpoint: status codes, JSON, and a port that is taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from streams.monitoring.endpoint import HealthEndpoint, HealthPortTaken
from streams.monitoring.readiness import Statement


def good() -> Statement:
    return Statement(True, {"alive": True})


def bad() -> Statement:
    return Statement(False, {"ready": False, "missing": ["something"]})


@pytest.fixture
def endpoint() -> Iterator[HealthEndpoint]:
    opened = HealthEndpoint("127.0.0.1", 0, {"/livez": good, "/readyz": bad})
    yield opened
    opened.close()


def ask(endpoint: HealthEndpoint, path: str, method: str = "GET") -> tuple[int, Any]:
    request = Request(f"http://127.0.0.1:{endpoint.port}{path}", method=method)
    try:
        with urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


class TestHealthEndpoint:
    def test_what_holds_is_200(self, endpoint: HealthEndpoint) -> None:
        """With what it rests on."""
        assert ask(endpoint, "/livez") == (200, {"alive": True})

    def test_what_does_not_hold_is_503_and_says_why(self, endpoint: HealthEndpoint) -> None:
        """A probe reads the code, a person the body."""
        assert ask(endpoint, "/readyz") == (503, {"ready": False, "missing": ["something"]})

    def test_another_path_is_404_and_names_those_that_there_are(self, endpoint: HealthEndpoint) -> None:
        """Nobody has to guess."""
        assert ask(endpoint, "/metrics") == (404, {"paths": ["/livez", "/readyz"]})

    @pytest.mark.parametrize(("former", "present"), [("/alive", "/livez"), ("/ready", "/readyz")])
    def test_former_paths_answer_alike(self, endpoint: HealthEndpoint, former: str, present: str) -> None:
        """Probes of the release before go on working; the list of paths names the present ones only."""
        assert ask(endpoint, former) == ask(endpoint, present)

    def test_head_has_the_same_code_and_no_body(self, endpoint: HealthEndpoint) -> None:
        """As HTTP has it."""
        assert ask(endpoint, "/readyz?verbose", "HEAD") == (503, None)

    def test_a_port_that_is_taken_is_told_with_its_setting(self, endpoint: HealthEndpoint) -> None:
        """The message names the variables and the value."""
        with pytest.raises(HealthPortTaken, match=f"VIDSIGNAL_HEALTH_PORT {endpoint.port}"):
            HealthEndpoint("127.0.0.1", endpoint.port, {})
