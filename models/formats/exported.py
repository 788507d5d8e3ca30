"""An archive of `torch.export`. It is a program: only cards below a trusted folder may name one."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor, nn


class ExportedModel(nn.Module):
    """The module of an exported program, whose own `eval` refuses to be called: it was decided when it was exported."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, batch: Tensor) -> Any:
        """Whatever the program answers."""
        return self.inner(batch)

    def train(self, mode: bool = True) -> ExportedModel:
        """Leave it as it was exported."""
        self.training = mode
        return self


def load_exported(content: bytes) -> nn.Module:
    """Read an archive onto the CPU. Raises whatever torch does about other bytes."""
    return ExportedModel(torch.export.load(io.BytesIO(content)).module())
