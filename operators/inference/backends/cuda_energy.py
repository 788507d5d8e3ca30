"""The energy meter of an NVIDIA accelerator, by NVML (Volta and later)."""

from __future__ import annotations

from typing import Any


class NvmlEnergy:
    """Energy of one accelerator, for all processes.

    Args:
        nvml: the module `pynvml`, initialised.
        handle: of the accelerator.
    """

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle
        self._began_millijoules = nvml.nvmlDeviceGetTotalEnergyConsumption(handle)

    @classmethod
    def open(cls, uuid: str) -> NvmlEnergy | None:
        """Return None if the library is not installed (the extra `cuda`), or the accelerator has no such meter.

        Args:
            uuid: as torch reports it. An index is not sufficient, because NVML ignores CUDA_VISIBLE_DEVICES.
        """
        try:
            import pynvml
        except ImportError:
            return None
        try:
            pynvml.nvmlInit()
            return cls(pynvml, pynvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith("GPU-") else f"GPU-{uuid}"))
        except pynvml.NVMLError:
            return None

    def joules(self) -> float | None:
        """See `EnergyCounter`."""
        try:
            now_millijoules = self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)
        except self._nvml.NVMLError:
            return None
        return float(now_millijoules - self._began_millijoules) / 1e3
