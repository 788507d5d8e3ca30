"""Errors of the device are told apart by type and code; words mean nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from operators.errors import DeviceFault, DeviceFull, DeviceLost
from operators.inference.cuda.faults import LOST, MEMORY_ALLOCATION, device_faults
from tests.support.cuda_standin import accelerator_error
from tests.unit.operators.inference.fakes import number_card

HEADER = Path(torch.__file__).parents[1] / "nvidia" / "cu13" / "include" / "driver_types.h"
"""Comes with torch's packages of CUDA."""


def fault_of(error: Exception) -> DeviceFault:
    with pytest.raises(DeviceFault, match="model doubler") as raised, device_faults(number_card()):
        raise error
    return raised.value


@pytest.mark.parametrize("code", sorted(LOST))
def test_codes_after_which_every_call_fails(code: int) -> None:
    """Whatever the message says, and in whatever language."""
    assert type(fault_of(accelerator_error(code))) is DeviceLost


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("?"), accelerator_error(MEMORY_ALLOCATION)])
def test_a_full_device_works(error: Exception) -> None:
    """Somebody else may need less of it later."""
    assert type(fault_of(error)) is DeviceFull


@pytest.mark.parametrize("code", [1, 400, 701, 801, 900, 901])
def test_other_codes_say_nothing_of_later_calls(code: int) -> None:
    """Whether the device works is found out by trying."""
    assert type(fault_of(accelerator_error(code))) is DeviceFault


def test_an_error_without_a_code() -> None:
    """It is the device's, but says no more."""
    assert type(fault_of(torch.AcceleratorError("device-side assert triggered"))) is DeviceFault


@pytest.mark.parametrize(
    "words", ["CUDA error: device-side assert triggered", "CUDA out of memory", "cuDNN error", "no text about CUBLAS"]
)
def test_words_are_not_believed(words: str) -> None:
    """A module may say anything about its input."""
    with pytest.raises(RuntimeError, match=words) as raised, device_faults(number_card()):
        raise RuntimeError(words)
    assert not isinstance(raised.value, DeviceFault)


@pytest.mark.skipif(not HEADER.exists(), reason="NOT TESTED: this torch has no headers of CUDA")
def test_no_error_that_breaks_a_process_is_missing() -> None:
    """The vendor's header names the errors after which the process must be terminated."""
    declared = re.findall(r"/\*\*((?:(?!\*/).)*)\*/\s*(cudaError\w+)\s*=\s*(\d+)", HEADER.read_text(), re.S)
    broken = {int(code) for comment, _, code in declared if "must be" in (words := " ".join(comment.split()))
              and ("inconsistent" in words or "relaunched" in words or "cannot be used again" in words)}  # fmt: skip
    assert len(broken) >= 10
    assert broken <= LOST
