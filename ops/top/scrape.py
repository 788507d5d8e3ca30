"""One look at a worker: its metrics and the events that it has been at for longest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

import msgspec

from ops.local.metrics_page import MetricsPage, parse_metrics

_ANSWER_SECONDS: Final = 2.0
_LARGEST_PAGE_BYTES: Final = 16 * 1024 * 1024
_AT_ONCE: Final = 32


class SlowEvent(msgspec.Struct, frozen=True):
    """An event that a worker has not finished, as its `/slowest` says."""

    video_id: str
    role: str
    agents: dict[str, str]
    """What each agent is at that has not finished it."""
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a worker said at one moment; no page where it did not answer."""

    address: str
    at_seconds: float
    """On a clock that never runs backwards."""
    page: MetricsPage | None
    slowest: tuple[SlowEvent, ...] = ()
    problem: str = ""
    """Why there is no page."""

    @property
    def started_unix_seconds(self) -> float:
        """When the process began; 0 where it does not say."""
        return self.page.total("process_start_time_seconds") if self.page is not None else 0.0


Fetch = Callable[[str], bytes]
"""From an address such as `http://127.0.0.1:9464/metrics` to what is there; raises OSError."""


def fetch(url: str) -> bytes:
    """Ask over HTTP."""
    with urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310  (always http, see scrape)
        return bytes(answer.read(_LARGEST_PAGE_BYTES))


def scrape_all(addresses: Sequence[str], fetch: Fetch = fetch) -> list[Scrape]:
    """Ask all at the same time; those that do not answer have no page."""
    with ThreadPoolExecutor(min(_AT_ONCE, len(addresses))) as pool:
        return list(pool.map(lambda address: scrape(address, fetch), addresses))


def scrape(address: str, fetch: Fetch = fetch) -> Scrape:
    """Ask one worker."""
    try:
        page = parse_metrics(fetch(f"http://{address}/metrics").decode())
    except (OSError, ValueError, HTTPException) as error:
        return Scrape(address, time.monotonic(), None, problem=str(getattr(error, "reason", error)) or repr(error))
    return Scrape(address, time.monotonic(), page, _slowest(address, fetch))


def _slowest(address: str, fetch: Fetch) -> tuple[SlowEvent, ...]:
    try:
        return msgspec.json.decode(fetch(f"http://{address}/slowest"), type=tuple[SlowEvent, ...])
    except HTTPError:  # something in between lets the metrics through and nothing else
        return ()
    except (OSError, ValueError, HTTPException):  # gone since, or an older worker
        return ()
