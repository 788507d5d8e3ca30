"""Black bars around the picture: letterbox above and below, pillarbox left and right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BLACK_MEAN_LUMA = 16.0
BLACK_MAX_LUMA = 40
"""Compression leaves noise in black bars; a line with anything brighter belongs to the picture."""
MIN_BAR_RATIO = 0.02
"""Of the height or width, on both sides of the picture; less is a codec's or a camera's edge."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Lines of black at each side of one frame, in pixels."""

    top_px: int
    bottom_px: int
    left_px: int
    right_px: int

    def inside(self, luma: np.ndarray) -> np.ndarray:
        """The picture without its bars."""
        height, width = luma.shape
        return luma[self.top_px : height - self.bottom_px, self.left_px : width - self.right_px]


NO_BARS = Bars(0, 0, 0, 0)


def find_bars(luma: np.ndarray) -> Bars | None:
    """Find the bars of one frame.

    Args:
        luma: (H, W) uint8.

    Returns:
        None for a frame that is black all over, which says nothing of bars.
    """
    rows = _picture_lines(luma, axis=1)
    if rows is None:
        return None
    columns = _picture_lines(luma[rows], axis=0)
    if columns is None:
        return None
    return Bars(*_pair(rows, luma.shape[0]), *_pair(columns, luma.shape[1]))


def common_bars(bars: Sequence[Bars | None]) -> Bars:
    """What all frames that show anything have in common: a dark corner of one scene is no bar."""
    found = [each for each in bars if each is not None]
    if not found:
        return NO_BARS
    return Bars(
        top_px=min(each.top_px for each in found),
        bottom_px=min(each.bottom_px for each in found),
        left_px=min(each.left_px for each in found),
        right_px=min(each.right_px for each in found),
    )


def covered_ratio(bars: Bars, height_px: int, width_px: int) -> float:
    """Share of the frame that the bars cover, [0, 1]."""
    picture_px = (height_px - bars.top_px - bars.bottom_px) * (width_px - bars.left_px - bars.right_px)
    return 1.0 - picture_px / (height_px * width_px)


def _picture_lines(luma: np.ndarray, axis: int) -> slice | None:
    """From the first to the last line, of those that `axis` runs along, that is not black."""
    is_picture = (luma.max(axis=axis) > BLACK_MAX_LUMA) | (luma.mean(axis=axis) > BLACK_MEAN_LUMA)
    lines = np.flatnonzero(is_picture)
    return slice(int(lines[0]), int(lines[-1]) + 1) if len(lines) else None


def _pair(picture: slice, num_lines: int) -> tuple[int, int]:
    """Bars come in pairs; black on one side only is more likely night or floor."""
    before, after = picture.start, num_lines - picture.stop
    return (before, after) if min(before, after) >= MIN_BAR_RATIO * num_lines else (0, 0)
