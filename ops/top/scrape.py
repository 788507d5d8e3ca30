"""One scrape of a worker: its metrics and its longest events."""

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
    """An event that a worker has not finished, from its `/slowest`."""

    video_id: str
    role: str
    agents: dict[str, str]
    """Stage of each agent that has not finished it."""
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Scrape:
    """A worker's answers at one time; no page if it did not answer."""

    address: str
    at_seconds: float
    """On a monotonic clock."""
    page: MetricsPage | None
    slowest: tuple[SlowEvent, ...] = ()
    problem: str = ""
    """Why there is no page."""

    @property
    def started_unix_seconds(self) -> float:
        """Start of the process; 0 if unknown."""
        return self.page.total("process_start_time_seconds") if self.page is not None else 0.0


Fetch = Callable[[str], bytes]
"""Returns the content of an address such as `http://127.0.0.1:9464/metrics`; raises OSError."""


def fetch(url: str) -> bytes:
    """Fetch over HTTP."""
    with urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310  (always http, see scrape)
        return bytes(answer.read(_LARGEST_PAGE_BYTES))


def scrape_all(addresses: Sequence[str], fetch: Fetch = fetch) -> list[Scrape]:
    """Scrape all concurrently; workers that do not answer have no page."""
    with ThreadPoolExecutor(min(_AT_ONCE, len(addresses))) as pool:
        return list(pool.map(lambda address: scrape(address, fetch), addresses))


def scrape(address: str, fetch: Fetch = fetch) -> Scrape:
    """Scrape one worker."""
    try:
        page = parse_metrics(fetch(f"http://{address}/metrics").decode())
    except (OSError, ValueError, HTTPException) as error:
        return Scrape(address, time.monotonic(), None, problem=str(getattr(error, "reason", error)) or repr(error))
    return Scrape(address, time.monotonic(), page, _slowest(address, fetch))


def _slowest(address: str, fetch: Fetch) -> tuple[SlowEvent, ...]:
    try:
        return msgspec.json.decode(fetch(f"http://{address}/slowest"), type=tuple[SlowEvent, ...])
    except HTTPError:  # a proxy lets only the metrics through
        return ()
    except (OSError, ValueError, HTTPException):  # ended since, or an older worker
        return ()
