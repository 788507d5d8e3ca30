"""The interface of one model on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from models.card import Precision
from operators.inference.compute_mode import Engine


@dataclass(frozen=True, slots=True)
class DeviceResult:
    """Result of a device for one batch."""

    values: tuple[np.ndarray, ...]
    """float32 arrays (size, ...), one per name in the card's `outputs`, including padding rows."""
    device_seconds: float
    """Cost of the run; core seconds on a CPU, seconds of kernels on an accelerator."""


class LoadedModel(Protocol):
    """One model on one device. Every method is called on the device's thread, in the order of definition.

    All methods raise `DeviceFault` if the device, and not the batch, is at fault: `DeviceLost` if every later call is
    known to fail, too, and `DeviceFull` if it lacks memory. Other errors of `run` are attributed to the batch.
    """

    @property
    def precision(self) -> Precision:
        """The precision that the model computes in; part of a signal's fingerprint."""

    @property
    def engine(self) -> Engine:
        """What runs its graph; part of a signal's fingerprint, too."""

    def compile(self) -> None:
        """Optimise the model for this device without changing its outputs; never fails because an optimisation is
        impossible."""

    def warm_up(self) -> dict[int, float]:
        """Run the card's batch sizes, so that few callers pay for first runs, and larger ones that suit the device.

        Returns:
            Device seconds of one batch by its size, the least of several runs.
        """

    def run(self, batch: np.ndarray) -> DeviceResult:
        """Compute one batch `(size, *item)` of the card's dtype: a size of `warm_up`, and one of its `item_shapes`."""

    def close(self) -> None:
        """Free the model's memory on the device; may be called twice."""


@runtime_checkable
class LendsInputs(Protocol):
    """A loaded model with memory of its own for batches, from which its device copies."""

    def input_array(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the memory of the next batch, to be filled and given to `run`; the same for each batch of a shape."""
