"""An archive of TorchScript. It is a program: only cards below a trusted folder may name one."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import torch
from torch import nn


def load_torchscript(path: Path) -> nn.Module:
    """Read an archive onto the CPU.

    Raises:
        RuntimeError: it is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation
        module: nn.Module = torch.jit.load(io.BytesIO(path.read_bytes()), map_location="cpu")  # type: ignore[no-untyped-call]
    return module.eval()
