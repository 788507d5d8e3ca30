"""A rectangle of a frame whose sides lie between pixels.

Hashes need it: in a small picture within the picture, one line more or less changes as many bits as another picture's
compression does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from operators.frames.flat_margins import PictureBox

REACH_LINES: Final = 2
"""Lines around a found side in which its step is looked for."""


@dataclass(frozen=True, slots=True)
class FineBox:
    """A rectangle, in pixels and parts of pixels; 0 is the outer side of the first line."""

    top_px: float
    bottom_px: float
    left_px: float
    right_px: float

    @property
    def height_px(self) -> int:
        """Number of rows that it is cut to."""
        return max(1, round(self.bottom_px - self.top_px))

    @property
    def width_px(self) -> int:
        """Number of columns that it is cut to."""
        return max(1, round(self.right_px - self.left_px))

    def of(self, picture: np.ndarray) -> np.ndarray:
        """Return the part of a picture, (H, W) uint8, scaled to whole pixels; without a copy if it has whole ones."""
        top, bottom, left, right = map(round, (self.top_px, self.bottom_px, self.left_px, self.right_px))
        if (top, bottom, left, right) == (self.top_px, self.bottom_px, self.left_px, self.right_px):
            return picture[top:bottom, left:right]
        down = (self.bottom_px - self.top_px) / self.height_px
        across = (self.right_px - self.left_px) / self.width_px
        # The middle of the first pixel is half a pixel inside.
        origin = (self.left_px + across / 2 - 0.5, self.top_px + down / 2 - 0.5)
        matrix = np.array([[across, 0.0, origin[0]], [0.0, down, origin[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self.width_px, self.height_px)
        return np.asarray(cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))

    @classmethod
    def of_shares(cls, shares: tuple[float, float, float, float], height_px: int, width_px: int) -> FineBox:
        """Return the rectangle of a frame of another size."""
        top, bottom, left, right = shares
        return cls(top * height_px, bottom * height_px, left * width_px, right * width_px)

    def scaled(self, shape: Sequence[int]) -> tuple[float, float, float, float]:
        """Return top, bottom, left and right as shares of a frame of (height, width)."""
        height, width = shape
        return self.top_px / height, self.bottom_px / height, self.left_px / width, self.right_px / width


def fine_box(lumas: np.ndarray, box: PictureBox, reach_lines: int = REACH_LINES) -> FineBox:
    """Return a rectangle of frames, (N, H, W) uint8, with its sides in the middle of their steps.

    Args:
        lumas: (N, H, W) uint8.
        box: that was found.
        reach_lines: around its sides in which the steps are looked for.
    """
    rows = lumas[:, :, box.left_px : box.right_px]
    columns = lumas[:, box.top_px : box.bottom_px].transpose(0, 2, 1)
    sides = ((rows, box.top_px), (rows, box.bottom_px), (columns, box.left_px), (columns, box.right_px))
    return FineBox(*(_step(lines, line, reach_lines) for lines, line in sides))


def _step(lines: np.ndarray, line: int, reach_lines: int) -> float:
    """Return where the step near the begin of a line is, of (N, L, K); the frame's own edge stays."""
    num_lines = lines.shape[1]
    first, end = max(1, line - reach_lines), min(num_lines - 1, line + reach_lines)
    if not 0 < line < num_lines or end - first < reach_lines:
        return float(line)
    near = lines[:, first - 1 : end + 1].astype(np.int16)
    steps = np.abs(np.diff(near, axis=1)).mean(axis=(0, 2))
    highest = int(steps.argmax())
    places = slice(max(0, highest - 1), highest + 2)
    weights = steps[places] - steps.min()
    total = float(weights.sum())
    return first + float((weights * np.arange(len(steps))[places]).sum()) / total if total else float(line)
