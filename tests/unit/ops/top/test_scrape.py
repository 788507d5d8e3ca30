"""One look at a worker, whatever answers."""

from __future__ import annotations

from collections.abc import Callable
from http.client import BadStatusLine

import pytest

from ops.top.scrape import scrape, scrape_all

PAGE = b"process_start_time_seconds 7\nx_total 3\n"
SLOWEST = b'[{"video_id":"v","role":"media","agents":{"frames":"working"},"age_seconds":2.5,"new":1}]'


def answers(**pages: bytes | Exception) -> Callable[[str], bytes]:
    """A fetch that knows these paths."""

    def fetch(url: str) -> bytes:
        answer = pages[url.rpartition("/")[2]]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return fetch


def test_worker() -> None:
    """Both paths are read; a newer worker's further fields do no harm."""
    found = scrape("a:1", answers(metrics=PAGE, slowest=SLOWEST))
    assert found.page is not None
    assert found.page.total("x_total") == 3.0
    assert found.started_unix_seconds == 7.0
    assert [(event.video_id, event.agents, event.age_seconds) for event in found.slowest] == [
        ("v", {"frames": "working"}, 2.5)
    ]


@pytest.mark.parametrize("slowest", [OSError("gone"), b"# HELP x", BadStatusLine("x")])
def test_worker_without_slowest(slowest: bytes | Exception) -> None:
    """Metrics count although nothing is said of single events: an older worker answers every path with its page."""
    found = scrape("a:1", answers(metrics=PAGE, slowest=slowest))
    assert found.page is not None
    assert found.slowest == ()


@pytest.mark.parametrize("page", [ConnectionRefusedError("refused"), b"{not metrics", b"\xff\xfe", BadStatusLine("x")])
def test_down(page: bytes | Exception) -> None:
    """A worker that does not answer, or not with metrics, is down and never an error."""
    found = scrape("a:1", answers(metrics=page, slowest=b"[]"))
    assert found.page is None
    assert found.problem


def test_all_in_order() -> None:
    """Many are asked at once, and come back in their order."""
    addresses = [f"a:{number}" for number in range(1, 60)]
    assert [found.address for found in scrape_all(addresses, answers(metrics=PAGE, slowest=b"[]"))] == addresses
