"""The batchers' reports to observers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BatchRun:
    """One batch that a device finished, for metrics."""

    model: str
    items: int
    """Number of items, including failed ones."""
    failed_items: int
    videos: int
    """Distinct videos among the items."""
    padded_slots: int
    """Rows without an item."""
    device_seconds: float
    """Of the successful runs; a failed run is not measured."""
    queue_age_seconds: float
    """How long the oldest item waited before the batch was formed."""
    cpu_seconds: float = 0.0
    """Of all threads that computed it or drove the device, including failed runs."""


class InferenceObserver(Protocol):
    """Called on the device's thread, once per batch: must be quick and thread-safe, and must not raise."""

    def batch_ran(self, run: BatchRun) -> None:
        """Called when a batch is completed."""

    def runner_renewed(self, model: str) -> None:
        """Called when a new runner was created after a device fault."""


class SilentInferenceObserver:
    """Counts nothing."""

    def batch_ran(self, run: BatchRun) -> None:
        """Do nothing."""

    def runner_renewed(self, model: str) -> None:
        """Do nothing."""
