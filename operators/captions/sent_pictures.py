"""Pictures as a chat server gets them: JPEG of limited size, without metadata."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

MAX_PICTURE_BYTES: Final = 96 * 1024
"""Of one file."""
MAX_SIDE_PX: Final = 512
"""Of the longer side; most models see pictures in tiles of this size or less."""
_QUALITIES: Final = (80, 60, 40)
"""JPEG qualities in the order in which they are tried."""


def jpeg_of(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return a picture as JPEG of at most `MAX_PICTURE_BYTES`, scaled down as far as that needs.

    Args:
        pixels: `(H, W, 3)` uint8 RGB.
    """
    picture = _within(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), MAX_SIDE_PX)
    while True:
        for quality in _QUALITIES:
            is_written, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
            assert is_written
            if content.size <= MAX_PICTURE_BYTES:
                return content.tobytes()
        picture = _within(picture, max(picture.shape[:2]) // 2)


def _within(picture: np.ndarray, max_side_px: int) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = max_side_px / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
