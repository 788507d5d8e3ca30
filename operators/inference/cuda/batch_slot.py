"""What one submitting thread needs to keep a batch in flight: memory on both sides, a stream for copies, and marks.

Each thread has one for all models: while one thread's batch computes, the others copy theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from operators.inference.cuda.runtime import CudaRuntime
from operators.inference.graph_cache import Shape

DTYPES = {"uint8": torch.uint8, "float32": torch.float32, "int64": torch.int64}
"""By the names of cards."""


def shaped(memory: Tensor, shape: Shape, dtype: torch.dtype) -> Tensor:
    """Return the beginning of some bytes as a tensor."""
    return memory[: prod(shape) * dtype.itemsize].view(dtype).view(shape)


@dataclass(frozen=True, slots=True)
class Sides:
    """The same values on both sides."""

    host: Tensor
    """Pinned."""
    device: Tensor
    array: np.ndarray
    """Of `host`."""

    @classmethod
    def of(cls, memory: tuple[Tensor, Tensor], shape: Shape, dtype: torch.dtype) -> Sides:
        """Return the beginning of both sides' memory."""
        host, device = (shaped(side, shape, dtype) for side in memory)
        return cls(host, device, host.numpy())


class BatchSlot:
    """Belongs to one thread, and holds one batch at a time."""

    def __init__(self, runtime: CudaRuntime) -> None:
        self._runtime = runtime
        self.copies = runtime.stream()
        self.uploaded = runtime.event()
        self.started, self.ended = runtime.event(is_timed=True), runtime.event(is_timed=True)
        self.computed = runtime.event()
        self.downloaded = runtime.event()
        self._inputs = (runtime.pinned(0), runtime.empty(0))
        self._outputs = (runtime.pinned(0), runtime.empty(0))
        self._known: dict[tuple[str, Shape, torch.dtype], Sides] = {}

    def make_room(self, input_bytes: int, output_bytes: int) -> None:
        """Hold batches of up to these sizes, too; only between batches."""
        self._known.clear()
        self._inputs = self._grown(self._inputs, input_bytes)
        self._outputs = self._grown(self._outputs, output_bytes)

    def inputs(self, shape: Shape, dtype: torch.dtype) -> Sides:
        """Return the memory of a batch."""
        return self._sides("in", self._inputs, shape, dtype)

    def outputs(self, num_bytes: int) -> Sides:
        """Return the memory of a packed answer."""
        return self._sides("out", self._outputs, (num_bytes // torch.float32.itemsize,), torch.float32)

    def _sides(self, name: str, memory: tuple[Tensor, Tensor], shape: Shape, dtype: torch.dtype) -> Sides:
        key = (name, shape, dtype)
        if key not in self._known:
            self._known[key] = Sides.of(memory, shape, dtype)
        return self._known[key]

    def _grown(self, sides: tuple[Tensor, Tensor], num_bytes: int) -> tuple[Tensor, Tensor]:
        if num_bytes <= sides[0].numel():
            return sides
        return self._runtime.pinned(num_bytes), self._runtime.empty(num_bytes)
