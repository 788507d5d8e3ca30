"""The image models' input from a sampled frame."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from models.model_input import FrameInput, Interpolation

_GROWING: Final[dict[Interpolation, int]] = {
    "area": cv2.INTER_LINEAR,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
}


def frame_input(pixels: np.ndarray, how: FrameInput) -> np.ndarray:
    """The square of a frame that a model's card asks for.

    Sampled frames have a shorter side of 256 px: a larger square is scaled up and shows no more.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        how: of the card.

    Returns:
        (side_px, side_px, 3) uint8 RGB, contiguous.
    """
    if how.resize == "squash":
        return np.ascontiguousarray(_centre(_scaled(pixels, how.resize_px, how), how.side_px))
    if how.resize == "pad":
        return _padded(pixels, how)
    return _middle(pixels, how)


def _middle(pixels: np.ndarray, how: FrameInput) -> np.ndarray:
    """The square of `side_px / resize_px` of the shorter side: what scaling the frame and cutting would leave.

    Cut first, as most sampled frames need no scaling then.
    """
    square = _centre(pixels, max(1, round(min(pixels.shape[:2]) * how.side_px / how.resize_px)))
    return np.ascontiguousarray(square) if square.shape[0] == how.side_px else _scaled(square, how.side_px, how)


def _padded(pixels: np.ndarray, how: FrameInput) -> np.ndarray:
    """The whole frame with one shade of grey at two sides."""
    longer_px = max(pixels.shape[:2])
    height_px, width_px = (max(1, round(side * how.side_px / longer_px)) for side in pixels.shape[:2])
    square = np.full((how.side_px, how.side_px, 3), how.pad_level, dtype=np.uint8)
    top, left = (how.side_px - height_px) // 2, (how.side_px - width_px) // 2
    scaled = cv2.resize(pixels, (width_px, height_px), interpolation=_interpolation(longer_px, how.side_px, how))
    square[top : top + height_px, left : left + width_px] = scaled
    return square


def _centre(pixels: np.ndarray, side_px: int) -> np.ndarray:
    top, left = ((side - side_px) // 2 for side in pixels.shape[:2])
    return pixels[top : top + side_px, left : left + side_px]


def _scaled(pixels: np.ndarray, side_px: int, how: FrameInput) -> np.ndarray:
    interpolation = _interpolation(max(pixels.shape[:2]), side_px, how)
    return np.asarray(cv2.resize(pixels, (side_px, side_px), interpolation=interpolation))


def _interpolation(longer_px: int, side_px: int, how: FrameInput) -> int:
    """Area averaging where it shrinks, so that nothing aliases, unless the card differs; bilinear where it grows."""
    shrinks = longer_px > side_px
    return cv2.INTER_AREA if shrinks and how.interpolation == "area" else _GROWING[how.interpolation]
