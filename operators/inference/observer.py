"""What the batchers tell whoever counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BatchRun:
    """One batch that a device finished, for metrics."""

    model: str
    items: int
    """Items that went in, the failed ones included."""
    failed_items: int
    videos: int
    """Distinct videos among the items."""
    padded_slots: int
    """Rows of the shape that no item filled."""
    device_seconds: float
    """Of the runs that answered; a run that failed is not measured."""
    queue_age_seconds: float
    """How long the oldest item waited before the batch was formed."""
    cpu_seconds: float = 0.0
    """Of all threads that computed it or drove the device, failed runs included."""


class InferenceObserver(Protocol):
    """Called on the device's thread, once per batch: must be quick, thread-safe, and must not raise."""

    def batch_ran(self, run: BatchRun) -> None:
        """A batch left the device."""

    def runner_renewed(self, model: str) -> None:
        """A device fault made a fresh runner necessary."""


class SilentInferenceObserver:
    """Counts nothing."""

    def batch_ran(self, run: BatchRun) -> None:
        """Ignore it."""

    def runner_renewed(self, model: str) -> None:
        """Ignore it."""
