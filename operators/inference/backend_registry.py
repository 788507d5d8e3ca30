"""The known devices. A new one is a file in `backends/` and a line here."""

from __future__ import annotations

from collections.abc import Callable

from operators.energy import EnergyCounter
from operators.inference.backend import Backend, BackendConfig
from operators.inference.backends.cpu import CpuBackend
from operators.inference.backends.cuda import CudaBackend, cuda_uuid
from operators.inference.backends.cuda_energy import NvmlEnergy
from operators.inference.backends.kserve import KserveBackend
from operators.inference.backends.neuron import NeuronBackend
from operators.inference.backends.openai import OpenAiBackend

BACKENDS: dict[str, Callable[[BackendConfig], Backend]] = {
    "cpu": CpuBackend,
    "cuda": CudaBackend,
    "neuron": NeuronBackend,
    "kserve": KserveBackend,
    "openai": OpenAiBackend,
}


def best_backend_name() -> str:
    """Return the first backend that this machine can open; accelerators come before the CPU."""
    accelerators = (CudaBackend, NeuronBackend)
    return next((backend.name for backend in accelerators if backend.is_available()), "cpu")


def open_backend(name: str, config: BackendConfig) -> Backend:
    """Return the backend of that name; it uses its device from its first `load` on.

    Raises:
        ValueError: no such backend.
    """
    if name not in BACKENDS:
        raise ValueError(f"backend must be one of {sorted(BACKENDS)}, got {name!r}")
    return BACKENDS[name](config)


def device_identity(name: str, device_index: int = 0) -> str:
    """Return what distinguishes a backend's device from others in this machine; measurements are valid for it only."""
    return f"{name} {cuda_uuid(device_index)}" if name == CudaBackend.name else name


def open_device_energy(name: str, device_index: int = 0) -> EnergyCounter | None:
    """Return the meter of a backend's accelerator; None without a meter, and for the CPU."""
    return NvmlEnergy.open(cuda_uuid(device_index)) if name == CudaBackend.name else None
