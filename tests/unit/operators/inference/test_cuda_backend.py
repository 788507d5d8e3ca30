"""What of the CUDA backend needs no such device."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend

SETTINGS = (
    torch.backends.cudnn,
    torch.backends.cudnn.conv,
    torch.backends.cudnn.rnn,
    torch.backends.cuda.matmul,
)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the process as it was."""
    before = [setting.fp32_precision for setting in SETTINGS]
    yield
    for setting, precision in zip(SETTINGS, before, strict=True):
        setting.fp32_precision = precision


def test_float32_is_float32() -> None:
    """Fingerprints say float32: neither convolutions nor products may be computed in TF32."""
    for setting in SETTINGS:
        setting.fp32_precision = "tf32"
    open_backend("cuda", BackendConfig())
    assert [setting.fp32_precision for setting in SETTINGS] == ["ieee"] * len(SETTINGS)
