"""Share of time in which the threads of a role could run; on an overloaded machine they wait for a core."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

_NANOSECONDS: Final = 1e9

ReadDelay = Callable[[int], float | None]


class CpuShare:
    """Computes, between two checks, the share of time in which no thread of a role waited for a core.

    Args:
        read_delay: seconds that a thread of this process has waited for a core so far; None if unknown.
    """

    def __init__(self, read_delay: ReadDelay | None = None) -> None:
        self._read_delay = read_delay or run_delay_seconds
        self._delays: dict[int, float] = {}

    def since_last(self, thread_ids: Iterable[int], elapsed_seconds: float) -> float:
        """Return a ratio between 0 and 1, of the thread that waited longest; 1 at the first check, and if unknown."""
        longest = max((self._waited(thread_id) for thread_id in thread_ids), default=0.0)
        return min(1.0, max(0.0, 1.0 - longest / elapsed_seconds)) if elapsed_seconds > 0 else 1.0

    def _waited(self, thread_id: int) -> float:
        delay = self._read_delay(thread_id)
        if delay is None:
            return 0.0
        before = self._delays.get(thread_id, delay)
        self._delays[thread_id] = delay
        return delay - before


def run_delay_seconds(thread_id: int) -> float | None:
    """Return the scheduler's run queue wait of a thread, in seconds; available on Linux only."""
    try:
        words = Path(f"/proc/self/task/{thread_id}/schedstat").read_text(encoding="ascii").split()
        return int(words[1]) / _NANOSECONDS
    except (OSError, IndexError, ValueError):
        return None
