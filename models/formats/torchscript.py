"""TorchScript archives. They are programs: only cards below a trusted folder may name one."""

from __future__ import annotations

import io
import warnings

import torch
from torch import nn


def load_torchscript(content: bytes) -> nn.Module:
    """Load an archive onto the CPU.

    Raises:
        RuntimeError: it is invalid.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation
        module: nn.Module = torch.jit.load(io.BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]
    return module.eval()
