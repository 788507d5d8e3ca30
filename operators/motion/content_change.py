"""Distance of two pictures as a viewer perceives it: pixel by pixel, and by the content of regions.

The geometric mean of two distances: of pixels, which detects cuts between similar scenes, and of histograms of a 4x4
grid, which ignores movement within a region. H.-J. Zhang et al., "Automatic partitioning of full-motion video" (1993),
compare both kinds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_GRID = 4
"""Regions along each side."""
_LUMA_SHIFT = 4
"""256 levels to 16 bins."""
_NUM_BINS = 256 >> _LUMA_SHIFT
_WHITE = 255.0
_BLOCK = 256
"""Pictures that are compared in one step."""
_DESCRIBED = 32
"""Pictures that are described in one step: their bins fit into a processor's cache."""


class ContentChange:
    """Distances between the pictures of one track."""

    def __init__(self, luma: np.ndarray) -> None:
        """Describe every picture of (N, h, w) uint8."""
        self._luma = luma
        self._shares = region_histograms(luma)

    def between(self, first: int, second: int) -> float:
        """Return the distance of two pictures by index, 0 for the same one, 1 for black and white."""
        return float(self.among([first], [second])[0, 0])

    def among(self, first: Sequence[int], second: Sequence[int]) -> np.ndarray:
        """Return (len(first), len(second)) float64: the distance of each of some pictures to each of others."""
        histograms = np.abs(self._shares[first][:, None] - self._shares[second][None]).sum(axis=2) / 2.0
        others = self._luma[second].astype(np.int16)
        levels = np.array([np.abs(others - picture).mean(axis=(1, 2)) for picture in self._luma[first]])
        levels = levels.reshape(histograms.shape)  # Without a first picture the list has no second dimension.
        return np.asarray(np.sqrt(histograms * levels / _WHITE), dtype=np.float64)

    def successive(self) -> np.ndarray:
        """Return (N,) float64: the distance of each picture to the previous one; 0 for the first."""
        changes = np.zeros(len(self._luma))
        for first in range(1, len(changes), _BLOCK):
            last = min(len(changes), first + _BLOCK)
            luma = self._luma[first - 1 : last].astype(np.int16)
            histograms = np.abs(np.diff(self._shares[first - 1 : last], axis=0)).sum(axis=1) / 2.0
            changes[first:last] = np.sqrt(histograms * np.abs(np.diff(luma, axis=0)).mean(axis=(1, 2)) / _WHITE)
        return changes


def region_histograms(luma: np.ndarray) -> np.ndarray:
    """Return (N, 256) float32: 16 bins in each of 16 regions as shares of the picture, of (N, h, w) uint8."""
    num_pictures, height, width = luma.shape
    row_region = np.arange(height) * _GRID // height
    column_region = np.arange(width) * _GRID // width
    length = _GRID * _GRID * _NUM_BINS
    offsets = ((row_region[:, None] * _GRID + column_region[None, :]) * _NUM_BINS).astype(np.intp)
    offsets = offsets + np.arange(_DESCRIBED)[:, None, None] * length
    shares = np.empty((num_pictures, length), np.float32)
    for first in range(0, num_pictures, _DESCRIBED):
        block = luma[first : first + _DESCRIBED]
        bins = (block >> _LUMA_SHIFT) + offsets[: len(block)]
        counts = np.bincount(bins.ravel(), minlength=len(block) * length)
        shares[first : first + _DESCRIBED] = counts.reshape(len(block), length) / np.float32(height * width)
    return shares
