"""The file that says how far one worker's wall clock is off; `shifted_clock/sitecustomize.py` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ClockFile:
    """A worker's clock."""

    path: Path

    def jump(self, shift_seconds: float) -> None:
        """From now on the clock is so much ahead of the true time, behind it where negative."""
        written = self.path.with_suffix(".new")
        written.write_text(f"{shift_seconds}", encoding="ascii")
        written.replace(self.path)
