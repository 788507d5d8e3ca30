"""Time that is counted in checks, not on a clock: a process that is suspended or gets no CPU time runs no checks."""

from __future__ import annotations


class Stopwatch:
    """Counts for how long a condition holds without interruption, as far as it was checked."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._mark: object = None

    def look(self, seconds: float, *, holds: bool, mark: object = None) -> None:
        """Add a check that represents `seconds`; a changed mark or a false condition resets the time."""
        self.seconds = self.seconds + seconds if holds and mark == self._mark else 0.0
        self._mark = mark
