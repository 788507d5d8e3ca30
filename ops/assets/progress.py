"""How a fetch tells what it is at."""

from __future__ import annotations

from typing import Protocol


class DownloadProgress(Protocol):
    """Told before each step and once at the end."""

    def __call__(self, step: str, num_done: int, num_total: int) -> None:
        """Take note that `num_done` of `num_total` steps are done and `step` comes next."""


def silent(step: str, num_done: int, num_total: int) -> None:
    """Tell nobody."""
