"""Errors of the Neuron runtime are told apart by their status, not by their words."""

from __future__ import annotations

import pytest

from operators.errors import DeviceFault, DeviceFull, DeviceLost, ModelFault
from operators.inference.neuron.faults import runtime_fault, runtime_faults, status_of


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ('nrt_execute failed: status=1003, error message="produced NaN"', ModelFault),
        ("Neuron: execution ended with NRT_EXEC_OOB", ModelFault),
        ("nrt_execute: status=1002", ModelFault),
        ("nrt_load failed: status=4", DeviceFull),
        ("NRT: insufficient cores, NRT_LOAD_NOT_ENOUGH_NC (9)", DeviceFull),
        ("nrt_execute status_code: 11", DeviceFull),
        ("nrt_execute failed: status=5", DeviceFault),
        ("nrt_execute failed: status=1004", DeviceFault),
        ("nrt_execute failed: status=1005", DeviceFault),
        ("nrt_execute failed: status=101", DeviceLost),
        *((f"nrt_execute failed: status={status}", DeviceLost) for status in range(1200, 1206)),
        ("NRT_EXEC_UNIT_UNRECOVERABLE on nc0, neuron", DeviceLost),
        ("nrt_execute failed: status=14 out of memory", DeviceLost),
        ("nrt_execute failed: status=7777, an unknown one", DeviceFault),
        ("The PyTorch Neuron Runtime could not be initialized. See the logs", DeviceFault),
    ],
)
def test_kinds(message: str, fault: type[DeviceFault]) -> None:
    """The batch, the memory, this call or this process; other words in the message change nothing."""
    assert type(runtime_fault(message)) is fault


@pytest.mark.parametrize(
    "message",
    ["mat1 and mat2 shapes cannot be multiplied", "status=101 of another program", "expected NRT_ but got nothing"],
)
def test_not_the_runtimes(message: str) -> None:
    """An error that the runtime did not raise is the module's."""
    assert (status_of(message), runtime_fault(message)) == (None, None)


def test_faults_name_the_model_and_others_pass() -> None:
    """Within `runtime_faults` the model's name comes first, and an error about a shape stays as it is."""
    with pytest.raises(DeviceLost, match="model tiny: nrt_execute"), runtime_faults("tiny"):
        raise RuntimeError("nrt_execute failed: status=1201")
    with pytest.raises(RuntimeError, match=r"^shape$"), runtime_faults("tiny"):
        raise RuntimeError("shape")
