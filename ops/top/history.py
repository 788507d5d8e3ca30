"""The last scrapes of each worker: rates are taken over a window, so that rare events show and old ones do not."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ops.top.scrape import Scrape


class History:
    """Scrapes of each worker, as old as the window at most.

    Args:
        window_seconds: over which rates are taken.
    """

    def __init__(self, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._scrapes: dict[str, deque[Scrape]] = {}

    def add(self, scrapes: Iterable[Scrape]) -> list[tuple[Scrape, Scrape]]:
        """Take new scrapes; return for each worker the oldest of its window that had a page, and the new one."""
        return [(self._oldest(scrape), scrape) for scrape in scrapes]

    def _oldest(self, new: Scrape) -> Scrape:
        kept = self._scrapes.setdefault(new.address, deque())
        while kept and new.at_seconds - kept[0].at_seconds > self._window_seconds and len(kept) > 1:
            kept.popleft()
        if new.page is not None:
            kept.append(new)
        return kept[0] if kept else new
