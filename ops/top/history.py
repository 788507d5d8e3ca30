"""The last scrapes of each worker: rates cover a window, so that rare events are visible and old ones are not."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ops.top.scrape import Scrape


class History:
    """Scrapes of each worker, at most as old as the window.

    Args:
        window_seconds: over which rates are computed.
    """

    def __init__(self, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._scrapes: dict[str, deque[Scrape]] = {}

    def add(self, scrapes: Iterable[Scrape]) -> list[tuple[Scrape, Scrape]]:
        """Add new scrapes; return for each worker the oldest of its window with a page, and the new one."""
        return [(self._oldest(scrape), scrape) for scrape in scrapes]

    def _oldest(self, new: Scrape) -> Scrape:
        kept = self._scrapes.setdefault(new.address, deque())
        while kept and new.at_seconds - kept[0].at_seconds > self._window_seconds and len(kept) > 1:
            kept.popleft()
        if new.page is not None:
            kept.append(new)
        return kept[0] if kept else new
