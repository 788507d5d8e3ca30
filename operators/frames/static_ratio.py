"""How much of a video stands still: slides, covers over music, surveillance of an empty yard.

Nothing is said of darkness: where nothing is lit, nobody sees whether it moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

ALIKE_LUMA_LEVELS = 2.0
"""Mean difference of what is lit in two thumbnails, of 255, up to which they look alike; compression alone makes about
1."""
LIT_LUMA = 24
"""From here on something can be seen; codecs flatten what is darker."""
MIN_LIT_RATIO = 0.004
"""Of a thumbnail, four places of 1,024: less is a light in the dark, and says nothing of the scene."""
FULL_LUMA = 64.0
"""Of pictures whose lit part is darker on average, differences count for more: they are as much darker."""

_THUMBNAIL_PX = (32, 32)


def thumbnail(luma: np.ndarray) -> np.ndarray:
    """(32, 32) uint8: enough to tell whether anything of size moved; of (H, W) uint8."""
    return np.asarray(cv2.resize(luma, _THUMBNAIL_PX, interpolation=cv2.INTER_AREA))


def static_ratio(thumbnails: Sequence[np.ndarray]) -> float | None:
    """Share of neighbouring pairs that look alike, [0, 1]; 1 for a single frame, in which nothing moves.

    Pairs in which nothing is lit do not count; None where there are no others.
    """
    if len(thumbnails) < 2:
        return 1.0
    looked = [_looks_alike(first, second) for first, second in pairwise(thumbnails)]
    judged = [is_alike for is_alike in looked if is_alike is not None]
    return sum(judged) / len(judged) if judged else None


def _looks_alike(first: np.ndarray, second: np.ndarray) -> bool | None:
    """None where neither shows anything."""
    brightest = np.maximum(first, second)
    is_lit = brightest >= LIT_LUMA
    if is_lit.mean() < MIN_LIT_RATIO:
        return None
    difference = np.abs(first.astype(np.int16) - second)[is_lit].mean()
    return bool(difference <= ALIKE_LUMA_LEVELS * min(1.0, brightest[is_lit].mean() / FULL_LUMA))
