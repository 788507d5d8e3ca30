"""How much of a video stands still: slides, covers over music, surveillance of an empty yard."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

ALIKE_LUMA_LEVELS = 2.0
"""Mean difference of two thumbnails, of 255, up to which they look alike; compression alone makes about 1."""

_THUMBNAIL_PX = (32, 32)


def thumbnail(luma: np.ndarray) -> np.ndarray:
    """(32, 32) uint8: enough to tell whether anything of size moved; of (H, W) uint8."""
    return np.asarray(cv2.resize(luma, _THUMBNAIL_PX, interpolation=cv2.INTER_AREA))


def static_ratio(thumbnails: Sequence[np.ndarray]) -> float:
    """Share of neighbouring pairs that look alike, [0, 1]; 1 for a single frame, in which nothing moves."""
    if len(thumbnails) < 2:
        return 1.0
    differences = np.abs(np.diff(np.stack(thumbnails).astype(np.int16), axis=0)).mean(axis=(1, 2))
    return float((differences <= ALIKE_LUMA_LEVELS).mean())
