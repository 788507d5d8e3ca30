"""What the image models see of a sampled frame."""

from __future__ import annotations

import cv2
import numpy as np

SIDE_PX = 224
"""Both models take squares of this side."""

_SCALED_PX = 256
"""Side to which both models' preprocessing scales before it cuts."""


def classifier_input(pixels: np.ndarray) -> np.ndarray:
    """The middle of a frame, aspect kept: the square of 224/256 of the shorter side.

    Sampled frames have a shorter side of 256, where this is a mere cut; other sizes are scaled after the cut.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Returns:
        (224, 224, 3) uint8 RGB, contiguous.
    """
    square = _centre(pixels, max(1, round(min(pixels.shape[:2]) * SIDE_PX / _SCALED_PX)))
    return np.ascontiguousarray(square) if square.shape[0] == SIDE_PX else _scaled(square, SIDE_PX)


def nudity_input(pixels: np.ndarray) -> np.ndarray:
    """Nearly the whole frame: squashed to 256x256, then cut, as open_nsfw was trained.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Returns:
        (224, 224, 3) uint8 RGB, contiguous.
    """
    return np.ascontiguousarray(_centre(_scaled(pixels, _SCALED_PX), SIDE_PX))


def _centre(pixels: np.ndarray, side_px: int) -> np.ndarray:
    top, left = ((side - side_px) // 2 for side in pixels.shape[:2])
    return pixels[top : top + side_px, left : left + side_px]


def _scaled(pixels: np.ndarray, side_px: int) -> np.ndarray:
    """Area averaging where it shrinks, so that nothing aliases; bilinear where it grows."""
    shrinks = max(pixels.shape[:2]) > side_px
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (side_px, side_px), interpolation=interpolation))
