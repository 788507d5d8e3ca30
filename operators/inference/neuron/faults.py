"""Classifies errors of the Neuron runtime by its status: the batch, the device or this process is at fault.

The numbers are those of `NRT_STATUS` in the runtime's interface. An error states a number, a name, or both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from operators.errors import DeviceFault, DeviceFull, DeviceLost, ModelFault

STATUS_BY_NAME: Final = {
    "NRT_FAILURE": 1,
    "NRT_INVALID": 2,
    "NRT_INVALID_HANDLE": 3,
    "NRT_RESOURCE": 4,
    "NRT_TIMEOUT": 5,
    "NRT_HW_ERROR": 6,
    "NRT_QUEUE_FULL": 7,
    "NRT_LOAD_NOT_ENOUGH_NC": 9,
    "NRT_UNSUPPORTED_NEFF_VERSION": 10,
    "NRT_FAIL_HOST_MEM_ALLOC": 11,
    "NRT_UNINITIALIZED": 13,
    "NRT_CLOSED": 14,
    "NRT_EXEC_UNIT_UNRECOVERABLE": 101,
    "NRT_EXEC_UNIT_DISABLED": 101,
    "NRT_EXEC_BAD_INPUT": 1002,
    "NRT_EXEC_COMPLETED_WITH_NUM_ERR": 1003,
    "NRT_EXEC_COMPLETED_WITH_ERR": 1004,
    "NRT_EXEC_NC_BUSY": 1005,
    "NRT_EXEC_OOB": 1006,
}
FAULTS_OF_THE_BATCH: Final = frozenset({1002, 1003, 1006})
"""Wrong input, a number that is not finite, an index outside of a table: the whole batch fails for one row of it."""
FULL: Final = frozenset({4, 9, 11})
LOST: Final = frozenset({6, 13, 14, 101, 1200, 1201, 1202, 1203, 1204, 1205})
"""Broken hardware, or a runtime that has ended: every later call of this process fails."""

_STATUS: Final = re.compile(r"\b(NRT_[A-Z_]+)\b|\bstatus(?:_code)?\s*[=:]?\s*(\d+)")
_RUNTIME: Final = re.compile(r"\bnrt[_:]|neuron", re.IGNORECASE)
_NOT_STARTED: Final = ("could not be initialized", "cannot be initialized", "neuron driver")
"""Of errors without a status: no driver, or another process has the cores."""


def status_of(message: str) -> int | None:
    """Return the runtime's status that an error states; None without one that is known by name or number."""
    if not _RUNTIME.search(message):
        return None
    for name, number in _STATUS.findall(message):
        if number:
            return int(number)
        if name in STATUS_BY_NAME:
            return STATUS_BY_NAME[name]
    return None


def runtime_fault(message: str) -> DeviceFault | None:
    """Return the fault that an error describes; None if it is not the runtime's, such as one about a shape."""
    status = status_of(message)
    if status is None:
        words = message.lower()
        return DeviceFault(message) if any(text in words for text in _NOT_STARTED) else None
    if status in FAULTS_OF_THE_BATCH:
        return ModelFault(message)
    if status in LOST:
        return DeviceLost(message)
    return DeviceFull(message) if status in FULL else DeviceFault(message)


@contextmanager
def runtime_faults(model: str) -> Iterator[None]:
    """Turn errors of the runtime into faults; others pass."""
    try:
        yield
    except RuntimeError as error:
        fault = runtime_fault(f"model {model}: {error}")
        if fault is None:
            raise
        raise fault from error
