"""PDQ: 256 bits that hardly change when a picture is scaled or recompressed.

Written from the published description: Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing
Algorithm" (2019). Two hashes within 31 bits usually mean the same picture; different pictures are about 128 bits apart.
Rotated, mirrored and cropped copies are not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

HASH_BITS = 256

BUFFER_SIDE = 64
_DCT_SIDE = 16
_NUM_BOX_PASSES = 2
_GRADIENT_LEVELS_PER_QUALITY = 90


@dataclass(frozen=True, slots=True)
class PerceptualHash:
    """One picture's hash."""

    hexadecimal: str
    """64 digits, the bit of the highest frequencies first."""
    quality: int
    """0 for no content to 100."""


def perceptual_hash(luma: np.ndarray) -> PerceptualHash:
    """Hash one picture.

    Args:
        luma: (H, W) uint8; at least 64 a side for a hash that is comparable.
    """
    buffer = _blurred_buffer(luma)
    cosines = _cosines()
    frequencies = cosines @ buffer @ cosines.T
    bits = (frequencies > _lower_median(frequencies)).ravel()
    packed = np.packbits(bits[::-1])
    return PerceptualHash(hexadecimal=packed.tobytes().hex(), quality=gradient_quality(buffer))


def _blurred_buffer(luma: np.ndarray) -> np.ndarray:
    """Return (64, 64) float64: the picture blurred by two box filters (after W. Jarosz), sampled at cell centres."""
    height, width = luma.shape
    blurred = luma.astype(np.float32)
    counts = _box_counts(height, width)
    for _ in range(_NUM_BOX_PASSES):
        blurred = _box_sums(blurred) / counts
    rows = ((np.arange(BUFFER_SIDE) + 0.5) * height / BUFFER_SIDE).astype(int)
    columns = ((np.arange(BUFFER_SIDE) + 0.5) * width / BUFFER_SIDE).astype(int)
    return blurred[np.ix_(rows, columns)].astype(np.float64)


def _box_sums(values: np.ndarray) -> np.ndarray:
    """Return the sums over a box around every pixel; pixels beyond the edge count as zero."""
    height, width = values.shape
    window = (_window_px(width), _window_px(height))
    # An even window extends one pixel further to the right and down.
    anchor = ((window[0] - 1) // 2, (window[1] - 1) // 2)
    return np.asarray(
        cv2.boxFilter(values, cv2.CV_32F, window, anchor=anchor, normalize=False, borderType=cv2.BORDER_CONSTANT)
    )


@lru_cache(maxsize=64)
def _box_counts(height: int, width: int) -> np.ndarray:
    """Return how many pixels each box contains: fewer at the edges. Frames have few different sizes, so this is
    cached."""
    return _box_sums(np.ones((height, width), dtype=np.float32))


def _window_px(side_px: int) -> int:
    """Return half a cell of the buffer, rounded up."""
    return -(-side_px // (2 * BUFFER_SIDE))


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray:
    """Return (16, 64): the frequencies 1 to 16 of the discrete cosine transform, without the constant."""
    frequency = np.arange(1, _DCT_SIDE + 1)[:, None]
    place = np.arange(BUFFER_SIDE)[None, :]
    angle = np.pi / (2 * BUFFER_SIDE) * frequency * (2 * place + 1)
    return np.asarray(np.sqrt(2.0 / BUFFER_SIDE) * np.cos(angle))


def _lower_median(frequencies: np.ndarray) -> float:
    """Return the lower middle of an even number of values, so that as close to half of the bits as possible are one."""
    ordered = np.partition(frequencies.ravel(), HASH_BITS // 2 - 1)
    return float(ordered[HASH_BITS // 2 - 1])


def gradient_quality(buffer: np.ndarray) -> int:
    """Return the quality of a picture, (64, 64) float64: whole-percent gradients between neighbours, scaled and
    capped."""
    steps = (np.diff(buffer, axis=0).ravel(), np.diff(buffer, axis=1).ravel())
    percents = sum(float(np.abs(np.trunc(step * 100.0 / 255.0)).sum()) for step in steps)
    return min(int(percents / _GRADIENT_LEVELS_PER_QUALITY), 100)
