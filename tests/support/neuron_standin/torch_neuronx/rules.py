"""The machine of the stand-in: a folder is its driver, with a lock per core and the faults that a test planned."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER_VARIABLE: Final = "NEURON_STANDIN_DRIVER"
"""Environment variable with the driver's folder; without it the machine has no driver."""
PLAN_FILE: Final = "plan.json"
CORE_BYTES: Final = 16 * 2**30
NO_DRIVER: Final = "Unable to determine Neuron Driver version. Please check aws-neuronx-dkms package is installed."
NO_CORE_COUNT: Final = "Neuron runtime cannot be initialized; cannot determine the number of available NeuronCores"
NOT_INITIALIZED: Final = (
    "The PyTorch Neuron Runtime could not be initialized. Neuron Driver issues are logged to your system logs. See the"
    " Neuron Runtime's troubleshooting guide for help on this topic"
)

STATUS_TEXTS: Final = {
    1: "NRT_FAILURE",
    4: "NRT_RESOURCE",
    5: "NRT_TIMEOUT",
    6: "NRT_HW_ERROR",
    9: "NRT_LOAD_NOT_ENOUGH_NC",
    11: "NRT_FAIL_HOST_MEM_ALLOC",
    13: "NRT_UNINITIALIZED",
    14: "NRT_CLOSED",
    101: "NRT_EXEC_UNIT_UNRECOVERABLE",
    1002: "NRT_EXEC_BAD_INPUT",
    1003: "NRT_EXEC_COMPLETED_WITH_NUM_ERR",
    1004: "NRT_EXEC_COMPLETED_WITH_ERR",
    1005: "NRT_EXEC_NC_BUSY",
    1006: "NRT_EXEC_OOB",
    1200: "NRT_EXEC_HW_ERR_COLLECTIVES",
    1201: "NRT_EXEC_HW_ERR_HBM_UE",
    1202: "NRT_EXEC_HW_ERR_NC_UE",
    1203: "NRT_EXEC_HW_ERR_DMA_ABORT",
    1204: "NRT_EXEC_SW_NQ_OVERFLOW",
    1205: "NRT_EXEC_HW_ERR_REPAIRABLE_HBM_UE",
}
DEADLY: Final = frozenset({101, 1200, 1201, 1202, 1203, 1204, 1205})
"""After one of these the process gets it at every call."""


@dataclass(frozen=True)
class Plan:
    """What a test wants of this machine; read again at every use."""

    num_cores: int = 2
    core_bytes: int = CORE_BYTES
    load_status: int = 0
    """Status of every load of a program; 0: loaded, if it fits."""
    execute_status: int = 0
    """Status of every execution; 0: as computed."""
    wrong_batch: int = 0
    """Programs for batches of this size answer wrongly, without an error: what is planted in the compiler."""
    compile_seconds: float = 0.0
    compiler_exit: int = 0
    """What the compiler's process ends with; -9: killed for memory."""
    compiler_code: str = ""
    """Code of the compiler's error, such as EVRF001."""
    is_compiler_segfaulting: bool = False


def plan() -> Plan:
    """What is planned now."""
    folder = os.environ.get(FOLDER_VARIABLE)
    path = None if folder is None else Path(folder, PLAN_FILE)
    return Plan() if path is None or not path.exists() else Plan(**json.loads(path.read_text()))


def driver_folder() -> Path:
    """The driver of this machine.

    Raises:
        RuntimeError: there is none.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None or not Path(folder).is_dir():
        raise RuntimeError(f"{NO_DRIVER}\n{NO_CORE_COUNT}")
    return Path(folder)


def status_error(call: str, status: int) -> RuntimeError:
    """The error of a call of the runtime."""
    return RuntimeError(f'{call} failed: status={status}, error message="{STATUS_TEXTS[status]}"')
