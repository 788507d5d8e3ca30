"""Distance of two pictures as a viewer perceives it: pixel by pixel, and by the content of regions.

The geometric mean of two distances: of pixels, which detects cuts between similar scenes, and of histograms of a 4x4
grid, which ignores movement within a region. H.-J. Zhang et al., "Automatic partitioning of full-motion video" (1993),
compare both kinds.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

_GRID = 4
"""Regions along each side."""
_LUMA_SHIFT = 4
"""256 levels to 16 bins."""
_NUM_BINS = 256 >> _LUMA_SHIFT
_WHITE = 255.0


class ContentChange:
    """Distances between the pictures of one track."""

    def __init__(self, luma: np.ndarray) -> None:
        """Describe every picture of (N, h, w) uint8."""
        self._luma = luma
        self._shares = region_histograms(luma)

    def between(self, first: int, second: int) -> float:
        """Return the distance of two pictures by index, 0 for the same one, 1 for black and white."""
        histograms = float(np.abs(self._shares[first] - self._shares[second]).sum()) / 2.0
        levels = cv2.norm(self._luma[first], self._luma[second], cv2.NORM_L1) / self._luma[first].size
        return math.sqrt(histograms * levels / _WHITE)

    def successive(self, first: int, last: int) -> np.ndarray:
        """Return (last - first - 1,) float64: the distance of each picture in [first, last) to the previous one."""
        return np.array([self.between(index - 1, index) for index in range(first + 1, last)])


def region_histograms(luma: np.ndarray) -> np.ndarray:
    """Return (N, 256) float32: 16 bins in each of 16 regions as shares of the picture, of (N, h, w) uint8.

    Every other pixel of every other row is counted, which is sufficient for a histogram.
    """
    bins = luma[:, ::2, ::2] >> _LUMA_SHIFT
    _, height, width = bins.shape
    row_region = np.arange(height) * _GRID // height
    column_region = np.arange(width) * _GRID // width
    offsets = (row_region[:, None] * _GRID + column_region[None, :]) * _NUM_BINS
    length = _GRID * _GRID * _NUM_BINS
    counts = [np.bincount((offsets + picture).ravel(), minlength=length) for picture in bins]
    return np.asarray(np.array(counts, dtype=np.float32).reshape(-1, length) / (height * width))
