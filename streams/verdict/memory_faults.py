"""Tells whether a lack of memory is due to one video, whose facts need too much, or to the machine."""

from __future__ import annotations

from typing import Final

from streams.lifecycle.clock import Clock

NUM_VIDEOS: Final = 3
"""With so many videos in the window, the machine is the cause."""
WINDOW_SECONDS: Final = 60.0


class MemoryFaults:
    """Remembers which videos recently lacked memory.

    Args:
        clock: for the window.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_seconds: dict[str, float] = {}

    def are_of_all(self, video_id: str) -> bool:
        """Note a video that failed for lack of memory; return whether so many did within the window that the process
        must end. The first ones become dead letters, so each run of a process makes progress."""
        now_seconds = self._clock.monotonic_seconds()
        self._last_seconds[video_id] = now_seconds
        since_seconds = now_seconds - WINDOW_SECONDS
        self._last_seconds = {each: last for each, last in self._last_seconds.items() if last >= since_seconds}
        return len(self._last_seconds) >= NUM_VIDEOS
