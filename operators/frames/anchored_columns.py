"""Upright windows of a picture, placed by what it shows: a 9:16 crop has the same ones, wherever it was cut out.

A hash changes as soon as a window is moved by a hundredth of its width, so there would have to be many windows at fixed
places. Here a window stands around a place where the picture changes most from left to right. What is beyond the window
has no influence on that place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from operators.frames.fine_box import FineBox

HEIGHT_PX: Final = 256
"""Pictures are scaled to it, so that a copy of another size is measured alike."""
WIDTH_RATIO: Final = 0.3
"""Of a window, as a share of the picture's height: half of a 9:16 crop, which is 0.56 wide."""
APART_RATIO: Final = 0.1
"""A place is the strongest within this share of the height on both sides."""
BLUR_PX: Final = 5.0
"""Sigma over which change is summed up along the width."""
MAX_COLUMNS: Final = 8
"""Windows of a picture, the strongest ones."""


def anchored_columns(luma: np.ndarray) -> list[FineBox]:
    """Return windows of a picture, (H, W) uint8, from left to right; none of a picture that is not wider than one."""
    height_px = luma.shape[0]
    scale = HEIGHT_PX / height_px
    width_px = max(1, round(luma.shape[1] * scale))
    change = _change(np.asarray(cv2.resize(luma, (width_px, HEIGHT_PX), interpolation=cv2.INTER_AREA)))
    half_px = WIDTH_RATIO * HEIGHT_PX / 2
    places = [place for place in _peaks(change) if half_px <= place <= width_px - half_px]
    strongest = sorted(places, key=lambda place: -change[int(place)])[:MAX_COLUMNS]
    sides = [((place - half_px) / scale, (place + half_px) / scale) for place in sorted(strongest)]
    return [FineBox(0.0, float(height_px), left, right) for left, right in sides]


def _change(picture: np.ndarray) -> np.ndarray:
    """Return (W - 1,) of (H, W): how much each column differs from the next, blurred."""
    steps = np.abs(np.diff(picture.astype(np.float32), axis=1)).mean(axis=0)
    return np.asarray(cv2.GaussianBlur(steps[None], (0, 0), BLUR_PX, borderType=cv2.BORDER_REPLICATE)).ravel()


def _peaks(change: np.ndarray) -> Iterator[float]:
    """Yield where change is highest, in pixels from the left side."""
    reach = round(APART_RATIO * HEIGHT_PX)
    highest = cv2.dilate(change[None], np.ones((1, 2 * reach + 1), np.uint8))[0]
    for place in np.flatnonzero(change >= highest):
        if 0 < place < len(change) - 1 and change[place] > 0:
            before, here, after = (float(change[place + step]) for step in (-1, 0, 1))
            bend = before - 2 * here + after
            # The step between pixels n and n + 1 is at n + 1; the top of a parabola through three values.
            yield float(place) + 1.0 + (0.5 * (before - after) / bend if bend else 0.0)
