"""What the phases share: the device, the models, and how long each phase takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.card import Precision
from operators.energy import EnergyCounter
from operators.inference.backend import BackendConfig
from operators.inference.backends.cuda import CudaBackend
from operators.inference.cuda.runtime import CudaRuntime
from operators.inference.inference import Inference
from ops.bench.device.carried import CarriedModel

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class PhaseLengths:
    """Of the parts of the benchmark."""

    compared_items: int = 64
    throughput_seconds: float = 4.0
    """Of each model and path."""
    items_a_call: int = 256
    """Of the callers at full load, of which there are eight."""
    busy_seconds: float = 60.0
    lane_seconds: float = 8.0
    latency_items: int = 200
    busy_videos: int = 48
    """In flight."""


@dataclass(frozen=True, slots=True)
class DeviceStage:
    """One run."""

    models: tuple[CarriedModel, ...]
    items_per_video: Mapping[str, int]
    lengths: PhaseLengths
    open_runtime: Callable[[], CudaRuntime]
    energy: Callable[[], EnergyCounter | None]
    """Opens the meter of the device."""
    say: Callable[[str], None]

    def backend(self, precision: Precision | None = None) -> CudaBackend:
        """Return the product's backend on the device; without a precision, as cards prefer."""
        return CudaBackend(BackendConfig(precision=precision or "auto"), self.open_runtime())

    async def inference(self, *models: CarriedModel, backend: CudaBackend | None = None) -> Inference:
        """Open models as a worker does, on a backend or on one of their own; all models without any."""
        found = models or self.models
        builds = {each.card.name: each.build for each in found}
        return await Inference.open(
            [each.card for each in found], lambda card: builds[card.name](), backend or self.backend()
        )
