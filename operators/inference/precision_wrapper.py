"""Runs a module in a chosen precision and returns float32."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.card import Card, Precision
from operators.inference.loaded_model import DeviceResult

DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class PrecisionWrapper(nn.Module):
    """A module in a chosen precision with float32 outputs.

    A module converts its own input to the dtype of its parameters, so that little data crosses to the device. A module
    with a part that must stay in float32, such as a spectrogram, defines `cast(dtype) -> nn.Module`; in others, all
    floating-point parameters and buffers are cast.
    """

    def __init__(self, module: nn.Module, precision: Precision) -> None:
        super().__init__()
        module = module.eval().requires_grad_(False)
        self.module = module if precision == "float32" else _cast(module, DTYPES[precision])

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Compute a batch (N, *input_shape) and return float32 tensors (N, ...)."""
        return tuple(output.float() for output in self.module(batch))


def _cast(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    cast: Any = getattr(module, "cast", None)
    return cast(dtype) if cast is not None else module.to(dtype=dtype)


def in_channels_last(module: nn.Module) -> nn.Module:
    """Convert 4-D weights to NHWC, the layout of images and the preferred one of convolution kernels."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def warm_up_batch(card: Card, size: int, item_shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return a batch of noise in the card's dtype, the same at every call.

    Args:
        card: of the model.
        size: number of rows.
        item_shape: one of `card.item_shapes`; by default the longest, `card.input_shape`.
    """
    noise = np.random.default_rng(0)
    shape = (size, *(item_shape or card.input_shape))
    if card.input_dtype == "uint8":
        return noise.integers(0, 256, shape, dtype=np.uint8)
    if card.input_dtype == "int64":
        return np.ones(shape, dtype=np.int64)  # zero is padding: a text that is only padding has no output to compare
    return (0.1 * noise.standard_normal(shape)).astype(np.float32)


def time_batches(
    run: Callable[[np.ndarray], DeviceResult], card: Card, sizes: Iterable[int], num_runs: int
) -> dict[int, float]:
    """Run the card's batch sizes `num_runs` times each; return the least device seconds of a batch by its size."""
    return {
        size: min(run(batch).device_seconds for _ in range(num_runs))
        for size, batch in ((size, warm_up_batch(card, size)) for size in sizes)
    }


def to_arrays(outputs: tuple[Tensor, ...]) -> tuple[np.ndarray, ...]:
    """Return float32 outputs as arrays in host memory; those that are there already are not copied.

    For these, each method of a tensor would let go of the interpreter lock and wait for it again.
    """
    return tuple(output.numpy() if output.is_cpu else output.cpu().numpy() for output in outputs)
