"""Flat margins around the picture: bars and borders of any colour, as uploaders add them.

They are cut away before a picture is compared with others. That is safe where a margin is part of the picture, such as
a plain background, as the same is cut from its copies. `operators.frames.letterbox` measures black bars, and decides
more carefully what is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

FLAT_LEVELS: Final = 12
"""Range of luma of a flat line without its extremes; compression adds noise, above all next to the picture."""
SAME_LEVELS: Final = 8
"""Difference of luma up to which two lines are of one margin, in all frames."""
MIN_PICTURE_RATIO: Final = 0.2
"""Share of height and of width that must remain; otherwise the picture is flat as a whole, and nothing is cut."""
_MAX_LAYERS: Final = 3
"""A copy of a copy may have margins of another colour inside of the first."""
_LINES_AT_ONCE: Final = 8
_EXTREMES: Final = (4, 96)
"""Percentiles of a line between which it must be flat: a logo or a caption may stand in a wide margin."""


@dataclass(frozen=True, slots=True)
class PictureBox:
    """A rectangle of a frame, in pixels; the end is not part of it."""

    top_px: int
    bottom_px: int
    left_px: int
    right_px: int

    def of(self, picture: np.ndarray) -> np.ndarray:
        """Return that part of (H, W, ...) pixels, without a copy."""
        return picture[self.top_px : self.bottom_px, self.left_px : self.right_px]

    @classmethod
    def of_shares(cls, shares: tuple[float, float, float, float], height_px: int, width_px: int) -> PictureBox:
        """Return the rectangle of a frame of another size."""
        top, bottom, left, right = shares
        return cls(round(top * height_px), round(bottom * height_px), round(left * width_px), round(right * width_px))

    @property
    def height_px(self) -> int:
        """Number of rows."""
        return self.bottom_px - self.top_px

    @property
    def width_px(self) -> int:
        """Number of columns."""
        return self.right_px - self.left_px


def without_margins(lumas: np.ndarray) -> PictureBox:
    """Return the part of a video's frames that is left when the margins are cut that all frames have.

    Args:
        lumas: (N, H, W) uint8, frames that are spread over the video.
    """
    box = PictureBox(0, lumas.shape[1], 0, lumas.shape[2])
    for _ in range(_MAX_LAYERS):
        inner = _cut(lumas, box)
        if inner == box:
            break
        box = inner
    return box


def _cut(lumas: np.ndarray, box: PictureBox) -> PictureBox:
    """Return the box without one layer of margins."""
    picture = lumas[:, box.top_px : box.bottom_px, box.left_px : box.right_px]
    top, bottom = _margins(picture)
    left, right = _margins(picture[:, top:bottom].transpose(0, 2, 1))
    return PictureBox(box.top_px + top, box.top_px + bottom, box.left_px + left, box.left_px + right)


def _margins(lines: np.ndarray) -> tuple[int, int]:
    """Return the first and the end of the lines (axis 1 of (N, L, K)) that belong to the picture."""
    num_lines = lines.shape[1]
    first, end = _num_flat(lines), num_lines - _num_flat(lines[:, ::-1])
    return (first, end) if end - first >= MIN_PICTURE_RATIO * num_lines else (0, num_lines)


def _num_flat(lines: np.ndarray) -> int:
    """Return how many of the first lines are flat, and of one level over all frames."""
    level = np.median(lines[:, 0])
    for first in range(0, lines.shape[1], _LINES_AT_ONCE):
        is_flat = _are_flat(lines[:, first : first + _LINES_AT_ONCE], level)
        if not is_flat.all():
            return first + int(np.argmin(is_flat))
    return int(lines.shape[1])


def _are_flat(lines: np.ndarray, level: float) -> np.ndarray:
    """Return (L,) bool of (N, L, K) lines."""
    low, middle, high = np.percentile(lines, (_EXTREMES[0], 50, _EXTREMES[1]), axis=2)
    return np.asarray(((high - low <= FLAT_LEVELS) & (np.abs(middle - level) <= SAME_LEVELS)).all(axis=0))
