"""Classifies errors of CUDA by their type and code: the device is full, this call failed, or every later call will.

Some errors invalidate the context of the process: every later call fails with the same code, on a new runner too, and
only a new process helps. `cudaError` of the runtime's `driver_types.h` says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from models.card import Card
from operators.errors import DeviceFault, DeviceFull, DeviceLost

MEMORY_ALLOCATION: Final = 2
"""`cudaErrorMemoryAllocation`, also of pinned memory of the host."""

_INCONSISTENT: Final = (226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721, 911)
"""Errors after which "the process must be terminated and relaunched": assertions, illegal addresses and instructions,
timeouts, failed launches, contained and external errors."""
_BROKEN: Final = (214, 220, 999)
"""Uncorrectable errors of memory and NVLink, and `cudaErrorUnknown`."""
_GONE: Final = (3, 4, 35, 46, 100, 101, 127, 201, 709, 802, 803, 805, 806, 810)
"""There is no usable device or context, or the driver or the MPS server is gone."""

LOST: Final = frozenset((*_INCONSISTENT, *_BROKEN, *_GONE))
"""Codes after which only a new process helps, or a new machine."""


def error_code(error: BaseException) -> int | None:
    """Return the code of `cudaError` that an error carries; None if it carries none."""
    code = getattr(error, "error_code", None) if isinstance(error, torch.AcceleratorError) else None
    return code if isinstance(code, int) else None


def device_fault(error: BaseException, message: str) -> DeviceFault:
    """Return the fault that an error of the device stands for.

    Args:
        error: of torch; one without a type of the device says nothing about later calls.
        message: of the fault.
    """
    code = error_code(error)
    if code in LOST:
        return DeviceLost(f"{message} (cudaError {code})")
    if isinstance(error, torch.OutOfMemoryError) or code == MEMORY_ALLOCATION:
        return DeviceFull(message)
    return DeviceFault(message if code is None else f"{message} (cudaError {code})")


@contextmanager
def device_faults(card: Card) -> Iterator[None]:
    """Turn errors of the device into `DeviceFault`; other errors, such as those of a module about its input, pass."""
    try:
        yield
    except (torch.AcceleratorError, torch.OutOfMemoryError) as error:
        raise device_fault(error, f"model {card.name}: {error}") from error
