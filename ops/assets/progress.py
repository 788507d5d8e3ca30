"""Progress of a fetch."""

from __future__ import annotations

from typing import Protocol


class DownloadProgress(Protocol):
    """Told before each step, while a step downloads, and once at the end."""

    def __call__(self, step: str, num_done: int, num_total: int, num_bytes: int = 0) -> None:
        """Take note that `num_done` of `num_total` steps are done, and of `step`, the next, so many bytes."""


def silent(step: str, num_done: int, num_total: int, num_bytes: int = 0) -> None:
    """Do nothing."""
