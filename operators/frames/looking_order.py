"""Which sampled frames an expensive model is shown first: those that differ most from what it has seen.

Farthest-point sampling (T. Gonzalez, 1985) over thumbnails, from the sharpest one on: a few frames then show most of
what a video shows, and a still video has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

ALIKE_LUMA_LEVELS: Final = 4.0
"""Mean difference of two thumbnails, of 255, up to which a second look at the same picture would show nothing new."""


def looking_order(thumbnails: Sequence[np.ndarray], sharpness: Sequence[float], max_frames: int) -> tuple[int, ...]:
    """Return the places of at most so many frames, the one to look at first coming first; at least one if there is any.

    Args:
        thumbnails: (H, W) uint8 of N frames.
        sharpness: of each; the first of the sharpest ones is looked at first.
        max_frames: at least 1.
    """
    if not thumbnails:
        return ()
    levels = np.stack(thumbnails).reshape(len(thumbnails), -1).astype(np.float32)
    order = [int(np.argmax(sharpness))]
    distances = _distances(levels, order[0])
    while len(order) < max_frames and distances.max() > ALIKE_LUMA_LEVELS:
        order.append(int(distances.argmax()))
        distances = np.minimum(distances, _distances(levels, order[-1]))
    return tuple(order)


def _distances(levels: np.ndarray, place: int) -> np.ndarray:
    return np.asarray(np.abs(levels - levels[place]).mean(axis=1))
