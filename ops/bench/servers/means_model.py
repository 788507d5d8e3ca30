"""The model of the measurements: means of pixels, which cost nothing, as the server of `pytriton_server` has them."""

from __future__ import annotations

from typing import Final

import numpy as np
from torch import Tensor, nn

from models.tolerance import Tolerance
from ops.bench.arithmetic_card import arithmetic_card

CARD: Final = arithmetic_card(
    "means",
    "means of some pixels",
    input_shape=(224, 224, 3),
    input_dtype="uint8",
    outputs=("mean", "colours"),
    batch_sizes=(1, 4, 8, 16),
    devices=("cpu", "kserve"),
    tolerances=(Tolerance(max_difference=0.01), Tolerance(max_difference=0.01)),
)
NUM_LEVELS: Final = 255
"""Distinct items; the next level is the poison."""


class Means(nn.Module):
    """See `pytriton_server`."""

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Compute a batch."""
        colours = pixels[:, ::56, ::56].float().mean(dim=(1, 2))
        return colours.mean(dim=1), colours


def item_of(number: int) -> np.ndarray:
    """Return an item whose answer tells its number: the three colours are its digits."""
    item = np.empty(CARD.input_shape, dtype=np.uint8)
    item[:] = [number % NUM_LEVELS, number // NUM_LEVELS % NUM_LEVELS, number // NUM_LEVELS**2]
    return item


def number_of(colours: np.ndarray) -> int:
    """Return the number of the item that was answered."""
    low, middle, high = (round(float(each)) for each in colours)
    return low + NUM_LEVELS * middle + NUM_LEVELS**2 * high
