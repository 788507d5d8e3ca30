"""All outputs of a batch in one row of memory, so that they cross to the host in one copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from operators.errors import ModelFault

FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Packing:
    """The shapes of a batch's outputs, float32 each."""

    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, outputs: Sequence[Tensor], num_rows: int) -> Packing:
        """Return the packing of a module's answer.

        Raises:
            ModelFault: an output has another number of rows.
        """
        shapes = tuple(tuple(output.shape) for output in outputs)
        if not shapes or any(shape[:1] != (num_rows,) for shape in shapes):
            raise ModelFault(f"answered {shapes} to {num_rows} rows")
        return cls(shapes)

    @property
    def num_bytes(self) -> int:
        """Of the whole batch."""
        return FLOAT_BYTES * sum(map(prod, self.shapes))

    def pack(self, outputs: Sequence[Tensor], packed: Tensor) -> None:
        """Write outputs, one behind the other, on the device.

        Args:
            outputs: of the module.
            packed: float32, as long as all of them.
        """
        torch.cat([output.reshape(-1) for output in outputs], out=packed)

    def unpack(self, packed: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the outputs as views of a packed batch."""
        ends = np.cumsum([prod(shape) for shape in self.shapes])
        parts = np.split(packed, ends[:-1])
        return tuple(part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True))
