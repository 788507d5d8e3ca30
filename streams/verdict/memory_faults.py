"""Whose fault it is where there is no memory: one video's, whose facts need too much of it, or the machine's."""

from __future__ import annotations

from typing import Final

from streams.lifecycle.clock import Clock

NUM_VIDEOS: Final = 3
"""Of so many, no single one is to blame."""
WINDOW_SECONDS: Final = 60.0


class MemoryFaults:
    """Remembers which videos lacked memory of late.

    Args:
        clock: for the window.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_seconds: dict[str, float] = {}

    def are_of_all(self, video_id: str) -> bool:
        """Note that a video is to be given up for want of memory; say whether so many were within the window that the
        process has to end. As the first ones are given up, each life of a process gets on."""
        now_seconds = self._clock.monotonic_seconds()
        self._last_seconds[video_id] = now_seconds
        since_seconds = now_seconds - WINDOW_SECONDS
        self._last_seconds = {each: last for each, last in self._last_seconds.items() if last >= since_seconds}
        return len(self._last_seconds) >= NUM_VIDEOS
