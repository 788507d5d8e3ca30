"""Reads checkpoints without running their content."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a PyTorch checkpoint that holds tensors only, onto the CPU.

    Raises:
        pickle.UnpicklingError: the file asks for anything but tensors and plain containers.
    """
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state
