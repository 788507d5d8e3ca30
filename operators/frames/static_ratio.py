"""Share of a video without motion: slides, covers of music, surveillance of an empty yard.

Dark pictures are excluded: nothing is known about motion in the dark. So is a change of slide, which is no motion: a
pair of different pictures between pairs that look alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from operators.exposure import matched

ALIKE_LUMA_LEVELS = 2.0
"""Mean difference of the lit parts of two thumbnails, of 255, up to which they look alike; compression alone causes
about 1."""
LIT_LUMA = 24
"""From this luma on something is visible; codecs flatten darker parts."""
MIN_LIT_RATIO = 0.004
"""Share of a thumbnail, four cells of 1,024; less is a light in the dark, and says nothing about the scene."""
FULL_LUMA = 64.0
"""In pictures whose lit part is darker on average, differences are weighted higher in proportion."""

MIN_SLIDE_DEVIATION = 4.0
"""Of luma; a plain thumbnail is no slide."""
SLIDE_CORRELATION = 0.7
"""Correlation of the thumbnails of one scene; of two slides it is lower."""

_THUMBNAIL_PX = (32, 32)


def thumbnail(luma: np.ndarray) -> np.ndarray:
    """Return (32, 32) uint8 of (H, W) uint8: enough to detect motion of larger objects."""
    return np.asarray(cv2.resize(luma, _THUMBNAIL_PX, interpolation=cv2.INTER_AREA))


def static_ratio(thumbnails: Sequence[np.ndarray]) -> float | None:
    """Return the share of neighbouring pairs that look alike, [0, 1]; 1 for a single frame.

    Pairs without a lit part and changes of slide do not count; None if there are no others.
    """
    if len(thumbnails) < 2:
        return 1.0
    looked = [_looks_alike(first, second) for first, second in pairwise(thumbnails)]
    is_slide = [_is_change_of_slide(looked, thumbnails, place) for place in range(len(looked))]
    judged = [alike for alike, is_other in zip(looked, is_slide, strict=True) if alike is not None and not is_other]
    return sum(judged) / len(judged) if judged else None


def _looks_alike(first: np.ndarray, second: np.ndarray) -> bool | None:
    """Return whether two thumbnails look alike, in whatever exposure; None if neither shows anything."""
    brightest = np.maximum(first, second)
    is_lit = brightest >= LIT_LUMA
    if is_lit.mean() < MIN_LIT_RATIO:
        return None
    difference = matched(first, second).difference[is_lit].mean()
    return bool(difference <= ALIKE_LUMA_LEVELS * min(1.0, brightest[is_lit].mean() / FULL_LUMA))


def _is_change_of_slide(looked: Sequence[bool | None], thumbnails: Sequence[np.ndarray], place: int) -> bool:
    """Return whether a pair shows two different pictures, both of which stand still."""
    if looked[place] is not False:
        return False
    before, after = looked[place - 1] if place else True, looked[place + 1] if place + 1 < len(looked) else True
    first, second = thumbnails[place], thumbnails[place + 1]
    if not (before is True and after is True) or min(first.std(), second.std()) < MIN_SLIDE_DEVIATION:
        return False
    return bool(np.corrcoef(first.ravel(), second.ravel())[0, 1] <= SLIDE_CORRELATION)
