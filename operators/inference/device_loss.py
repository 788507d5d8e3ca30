"""Classifies a device's error message: the device is full, this call failed, or every later call will fail.

Some errors of CUDA invalidate the context of the process: every later call fails with the same message, on a new runner
too, and only a new process helps. The messages are those of `cudaGetErrorString`.
"""

from __future__ import annotations

from typing import Final

from operators.errors import DeviceFault, DeviceFull, DeviceLost

POISONED: Final = (
    "device-side assert",
    "illegal memory access",
    "illegal instruction",
    "illegal address",
    "misaligned address",
    "invalid program counter",
    "operation not supported on global/shared address space",
    "hardware stack error",
    "unspecified launch failure",
    "launch timed out",
    "uncorrectable",  # ECC, NVLink
    "context is destroyed",
    "busy or unavailable",
    "no cuda-capable device",
    "fallen off the bus",
)
FULL: Final = ("out of memory", "cublas_status_alloc_failed", "cudnn_status_alloc_failed")


def device_fault(message: str) -> DeviceFault:
    """Return the fault that a device's message describes."""
    words = message.lower()
    if any(text in words for text in POISONED):
        return DeviceLost(message)
    return DeviceFull(message) if any(text in words for text in FULL) else DeviceFault(message)
