"""The interface of a device: load, compile, warm up, run, close. No other code depends on which device it is."""

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
"""Creates a model's module in evaluation mode and float32, a new one at each call."""


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """Options of the composition root for a device; each backend uses those that apply to it."""

    num_threads: int = 1
    """Threads of one CPU operator."""
    precision: PrecisionPreference = "auto"
    cpu_bfloat16: bool = False
    """`CpuCapabilities.bfloat16`; the probe must have run, and its environment be set, before torch was imported."""
    cpu_note: str = "not probed"
    """`CpuCapabilities.note`, for logs and error messages."""
    device_index: int = 0
    """Index of the accelerator; one worker process uses one."""
    graphs: GraphCache | None = None
    """Cache of compiled models; None if modules are not those of the registry."""


@dataclass(frozen=True, slots=True)
class DeviceResult:
    """Result of a device for one batch."""

    values: tuple[np.ndarray, ...]
    """float32 arrays (size, ...), one per name in the card's `outputs`, including padding rows."""
    device_seconds: float
    """Cost of the run; core seconds on a CPU, occupied seconds on an accelerator."""


class LoadedModel(Protocol):
    """One model on one device. Every method is called on the device's thread, in the order of definition.

    All methods raise `DeviceFault` if the device, and not the batch, is at fault: `DeviceLost` if every later call is
    known to fail, too, and `DeviceFull` if it lacks memory. Other errors of `run` are attributed to the batch.
    """

    @property
    def precision(self) -> Precision:
        """The precision that the model computes in; part of a signal's fingerprint."""

    def compile(self) -> None:
        """Optimise the model for this device without changing its outputs; never fails because an optimisation is
        impossible."""

    def warm_up(self) -> dict[int, float]:
        """Run the card's batch sizes, so that few callers pay for first runs.

        Returns:
            Device seconds of one batch by its size, the least of several runs.
        """

    def run(self, batch: np.ndarray) -> DeviceResult:
        """Compute one batch `(size, *input_shape)` of the card's dtype; `size` is one of the card's batch sizes."""

    def close(self) -> None:
        """Free the model's memory on the device; may be called twice."""


class Backend(Protocol):
    """One device of this process."""

    @property
    def name(self) -> str:
        """Its name in `BACKENDS`, settings and metrics."""

    def load(self, card: Card, build: Build) -> LoadedModel:
        """Load a model onto the device, in the precision that card, device and settings permit.

        The backend owns the module that `build` returns and may change it in place. `build` is called now, in `compile`
        or later, on the device's thread, and not at all if the backend does not need it.

        Raises:
            ValueError: the settings require a precision that this device does not have.
            DeviceFault: the device cannot load it.
        """
