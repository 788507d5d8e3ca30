"""Whether the event loop still turns: it beats, and a thread of its own counts how long it did not.

Time is counted in looks of that thread, not on a clock: a process that was stopped as a whole, or a machine that
slept, misses no look and is not taken for stuck. A thread that never lets go of the interpreter stops both; then
nothing answers on the endpoint, and whoever probes it has to end the process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final

from streams.lifecycle.stacks import dump_and_exit

LOOK_SECONDS: Final = 1.0
LATE_SECONDS: Final = 10.0
"""A loop that did not beat for so long does not count as alive; it is ended later, or gets over it."""


class Heartbeat:
    """Beats on the event loop, is counted from a thread.

    Args:
        patience_seconds: without a beat until the process is given up.
        give_up: ends it.
    """

    def __init__(self, patience_seconds: float, give_up: Callable[[str], object] = dump_and_exit) -> None:
        self._patience_seconds = patience_seconds
        self._give_up = give_up
        self._num_beats = 0
        self._num_beats_seen = -1
        self._looks_without_beat = 0
        self._closing = threading.Event()

    @property
    def silent_seconds(self) -> float:
        """How long the loop has not beaten, as far as it was looked at."""
        return self._looks_without_beat * LOOK_SECONDS

    def open(self) -> None:
        """Begin to beat on the running loop, and to look from a thread."""
        self._beat_again(asyncio.get_running_loop())
        threading.Thread(target=self._look_until_closed, name="vidsignal-heartbeat", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def beat(self) -> None:
        """The loop turns."""
        self._num_beats += 1

    def look(self) -> None:
        """Count, and give up a loop that has been silent for too long."""
        if self._num_beats != self._num_beats_seen:
            self._num_beats_seen = self._num_beats
            self._looks_without_beat = 0
            return
        self._looks_without_beat += 1
        if self.silent_seconds >= self._patience_seconds:
            self._give_up(f"the event loop has stood still for {self.silent_seconds:g} s")

    def _beat_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self.beat()
        loop.call_later(LOOK_SECONDS / 2, self._beat_again, loop)

    def _look_until_closed(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            self.look()
