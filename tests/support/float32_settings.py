"""How a process computes float32 on CUDA devices, which a backend sets for all of it.

`torch.export` raises an error in a process whose settings differ from the default.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

SETTINGS = (
    torch.backends.cudnn,
    torch.backends.cudnn.conv,
    torch.backends.cudnn.rnn,
    torch.backends.cuda.matmul,
)


@pytest.fixture(autouse=True)
def restored_float32() -> Iterator[None]:
    """Leave the process as it was, in each test of a file that imports this."""
    before = [setting.fp32_precision for setting in SETTINGS]
    yield
    for setting, precision in zip(SETTINGS, before, strict=True):
        setting.fp32_precision = precision
