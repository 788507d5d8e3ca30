"""Detects a blocked event loop: the loop beats, and a separate thread counts the time without a beat.

Time is counted in checks of that thread, not on a clock: a process that was stopped as a whole, or a machine that
slept, misses no check and does not count as stuck. A thread that never releases the interpreter lock blocks both. Then
the endpoint does not answer, and its prober must end the process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final

from streams.lifecycle.stacks import dump_and_exit

LOOK_SECONDS: Final = 1.0
LATE_SECONDS: Final = 10.0
"""A loop without a beat for this time does not count as alive; it recovers, or the process is ended later."""


class Heartbeat:
    """Beats on the event loop, and is checked from a thread.

    Args:
        timeout_seconds: time without a beat until the process is given up.
        give_up: ends the process.
    """

    def __init__(self, timeout_seconds: float, give_up: Callable[[str], object] = dump_and_exit) -> None:
        self._timeout_seconds = timeout_seconds
        self._give_up = give_up
        self._num_beats = 0
        self._num_beats_seen = -1
        self._looks_without_beat = 0
        self._closing = threading.Event()

    @property
    def silent_seconds(self) -> float:
        """Time without a beat, as far as it was checked."""
        return self._looks_without_beat * LOOK_SECONDS

    def open(self) -> None:
        """Start to beat on the running loop, and to check from a thread."""
        self._beat_again(asyncio.get_running_loop())
        threading.Thread(target=self._look_until_closed, name="vidsignal-heartbeat", daemon=True).start()

    def close(self) -> None:
        """Stop the checks."""
        self._closing.set()

    def beat(self) -> None:
        """Note that the loop runs."""
        self._num_beats += 1

    def look(self) -> None:
        """Count a check, and give up a loop that has been blocked for too long."""
        if self._num_beats != self._num_beats_seen:
            self._num_beats_seen = self._num_beats
            self._looks_without_beat = 0
            return
        self._looks_without_beat += 1
        if self.silent_seconds >= self._timeout_seconds:
            self._give_up(f"the event loop has stood still for {self.silent_seconds:g} s")

    def _beat_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self.beat()
        loop.call_later(LOOK_SECONDS / 2, self._beat_again, loop)

    def _look_until_closed(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            self.look()
