"""A device is a backend with verbs: load, compile, warm up, run, close. Nobody else asks which device it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from models.card import Card, Precision
from operators.inference.precision import PrecisionPreference

if TYPE_CHECKING:
    from torch import nn

    from operators.inference.graph_cache import GraphCache

Build = Callable[[], "nn.Module"]
"""Makes a model's module in evaluation mode and float32, each time a new one."""


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """What the composition root decides about a device; each backend takes what concerns it."""

    num_threads: int = 1
    """Threads of one CPU operator."""
    precision: PrecisionPreference = "auto"
    cpu_bfloat16: bool = False
    """`CpuCapabilities.bfloat16`; the probe must have run, and its environment be set, before torch was imported."""
    cpu_note: str = "not probed"
    """`CpuCapabilities.note`, for logs and refusals."""
    device_index: int = 0
    """Which accelerator; one worker process serves one."""
    graphs: GraphCache | None = None
    """Where a backend that compiles keeps the result; None where modules are not those that the cards name."""


@dataclass(frozen=True, slots=True)
class DeviceResult:
    """What came back from a device for one batch."""

    values: tuple[np.ndarray, ...]
    """float32 arrays (size, ...), one per name in the card's `outputs`, rows of padding included."""
    device_seconds: float
    """What the run cost the device; on a CPU core seconds, on an accelerator the time it was taken."""


class LoadedModel(Protocol):
    """One model on one device. Every verb is called on the device's thread, in the order in which they stand here.

    All verbs raise `DeviceFault` when the device, and not the batch, is at fault: `DeviceLost` where it is known that
    every later call fails, too, and `DeviceFull` where it wants for memory. What else `run` raises is held
    against the batch.
    """

    @property
    def precision(self) -> Precision:
        """What the model's trunk computes in; part of a signal's fingerprint."""

    def compile(self) -> None:
        """Make the model as fast as this device can, keeping its answers; never fails for want of speed."""

    def warm_up(self) -> dict[int, float]:
        """Run batch sizes of the card, so that callers pay for few first runs.

        Returns:
            Device seconds of one batch by its size, the least of several runs.
        """

    def run(self, batch: np.ndarray) -> DeviceResult:
        """Compute one batch `(size, *input_shape)` of the card's dtype; `size` is one of the card's batch sizes."""

    def close(self) -> None:
        """Free what the model holds on the device; may be called twice."""


class Backend(Protocol):
    """One device of this process."""

    @property
    def name(self) -> str:
        """Its word in `BACKENDS`, settings and metrics."""

    def load(self, card: Card, build: Build) -> LoadedModel:
        """Bring a model onto the device in the precision that card, device and settings agree on.

        What `build` returns belongs to the backend and may be changed in place; it is called now, in `compile` or
        later, on the device's thread, and not at all where the backend does not need it.

        Raises:
            ValueError: the settings ask for a precision that this device has not.
            DeviceFault: the device cannot take it.
        """
