"""Time that is counted in looks, not on a clock: who was suspended, or got no CPU, looked at nothing meanwhile."""

from __future__ import annotations


class Stopwatch:
    """Counts for how long something holds without a break, as far as it was looked at."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._mark: object = None

    def look(self, seconds: float, *, holds: bool, mark: object = None) -> None:
        """A look that stands for `seconds`; a changed mark, or what does not hold, begins again."""
        self.seconds = self.seconds + seconds if holds and mark == self._mark else 0.0
        self._mark = mark
