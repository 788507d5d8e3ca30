"""A model whose batches take about a millisecond, whatever their size, as on an accelerator."""

from __future__ import annotations

from statistics import median
from time import thread_time

import torch
from torch import Tensor, nn

_SIDE = 192
"""Rows and columns of the multiplied matrices; three fit into a core's second cache."""
_TIMED_RUNS = 15


class BriefModel(nn.Module):
    """Multiplies matrices, and returns the items nearly unchanged."""

    weight: Tensor
    scale: Tensor

    def __init__(self, num_values: int, multiplications: int) -> None:
        super().__init__()
        self._multiplications = multiplications
        self.register_buffer("weight", torch.eye(_SIDE) + 0.001 * torch.ones(_SIDE, _SIDE) / _SIDE)
        self.register_buffer("scale", torch.full((num_values,), 1e-3))

    def forward(self, batch: Tensor) -> tuple[Tensor]:
        """Compute a batch (N, num_values); the matrices depend on it, so that no compiler computes them in advance."""
        state = self.weight + batch.mean() * 1e-6
        for _ in range(self._multiplications):
            state = state @ self.weight
        return (batch + self.scale * state.mean(),)


def multiplications_of(seconds: float, num_values: int, batch_size: int) -> int:
    """Return how many multiplications take this CPU time on one thread of this machine."""
    torch.set_num_threads(1)
    model = BriefModel(num_values, probe := 50)
    batch = torch.zeros(batch_size, num_values)
    with torch.inference_mode():
        per_run = median(_seconds(model, batch) for _ in range(_TIMED_RUNS))
    return max(1, round(probe * seconds / per_run))


def _seconds(model: BriefModel, batch: Tensor) -> float:
    began = thread_time()
    model(batch)
    return thread_time() - began
