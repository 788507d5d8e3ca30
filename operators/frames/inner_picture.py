"""A picture within the picture: a strip between blurred bars, or a smaller picture on another one.

Its border stands still while the rest moves: a straight step of luma at the same place in most frames. Bars that are a
blurred copy of the picture meet it without a step in places, but they are blurred and the strip is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from statistics import fmean
from typing import Final

import cv2
import numpy as np

from operators.frames.flat_margins import PictureBox

STEP_LEVELS: Final = 7
"""Difference of luma between two neighbouring lines that counts as a step; grain and compression stay below."""
STANDING_PERCENTILE: Final = 30
"""Of the frames: a step must stand in the other seven of ten."""
MIN_SIDE_RATIO: Final = 0.2
"""Share of the frame's width and height; smaller pictures are logos and windows."""
MAX_AREA_RATIO: Final = 0.92
"""Share of the frame; beyond it nothing is left around."""
MIN_BORDER_RATIO: Final = 0.6
"""Share of each side of the border that must be a step."""
MIN_MEAN_BORDER_RATIO: Final = 0.75
"""Share of the whole border."""
MAX_LINES: Final = 14
"""Longest lines of each direction that are combined."""
BLUR_RATIO: Final = 0.3
"""Fine detail of a blurred bar, as a share of that of the strip."""

_DETAIL_PX: Final = 3
_NEAR_PX: Final = 2


def inner_picture(lumas: np.ndarray) -> PictureBox | None:
    """Find a picture within the picture of a video's frames; None if there is none.

    Args:
        lumas: (N, H, W) uint8, frames that are spread over the video, without flat margins.
    """
    return _strip(lumas) or _bordered(lumas)


def _strip(lumas: np.ndarray) -> PictureBox | None:
    """Find the sharp strip between two blurred bars."""
    height, width = lumas.shape[1:]
    detail = np.stack([_detail(luma) for luma in lumas]).mean(axis=0)
    rows = _sharp_lines(detail.mean(axis=1))
    if rows is not None:
        return PictureBox(*rows, 0, width)
    columns = _sharp_lines(detail.mean(axis=0))
    return None if columns is None else PictureBox(0, height, *columns)


def _detail(luma: np.ndarray) -> np.ndarray:
    """Return (H, W) float32: how far each pixel is from the mean around it."""
    values = luma.astype(np.float32)
    return np.asarray(np.abs(values - cv2.blur(values, (_DETAIL_PX, _DETAIL_PX))))


def _sharp_lines(detail: np.ndarray) -> tuple[int, int] | None:
    """Return first and end of the lines with fine detail, if all others have hardly any, on both sides."""
    inside = float(np.percentile(detail, 90))
    sharp = np.flatnonzero(detail >= BLUR_RATIO * inside)
    if not len(sharp):
        return None
    first, end = int(sharp[0]), int(sharp[-1]) + 1
    outside = np.concatenate([detail[: max(0, first - _NEAR_PX)], detail[end + _NEAR_PX :]])
    bar = MIN_SIDE_RATIO / 2 * len(detail)
    is_framed = first >= bar and len(detail) - end >= bar and end - first >= MIN_SIDE_RATIO * len(detail)
    is_blurred = is_framed and outside.mean() <= BLUR_RATIO * np.median(detail[first:end])
    return (first, end) if is_blurred else None


def _bordered(lumas: np.ndarray) -> PictureBox | None:
    """Find the rectangle whose border is a standing step, the most certain one."""
    rows = _standing_steps(lumas)
    columns = _standing_steps(lumas.transpose(0, 2, 1))
    found = [(score, box) for box, score in _rectangles(rows, columns)]
    return max(found, key=lambda each: each[0])[1] if found else None


def _standing_steps(lumas: np.ndarray) -> np.ndarray:
    """Return (H - 1, W) bool: where a step to the next row stands."""
    values = lumas.astype(np.int16)
    steps = np.percentile(np.abs(np.diff(values, axis=1)), STANDING_PERCENTILE, axis=0)
    return np.asarray(steps >= STEP_LEVELS)


def _rectangles(rows: np.ndarray, columns: np.ndarray) -> Iterator[tuple[PictureBox, float]]:
    """Yield possible rectangles and the share of their border that is a step.

    Args:
        rows: (H - 1, W) steps from a row to the next.
        columns: (W - 1, H) steps from a column to the next.
    """
    height, width = rows.shape[0] + 1, rows.shape[1]
    across, down = _counts(rows), _counts(columns)
    for top, bottom in _pairs(_lines(rows), height):
        for left, right in _pairs(_lines(columns), width):
            box = PictureBox(top, bottom, left, right)
            if _area_ratio(box, height, width) > MAX_AREA_RATIO:
                continue
            sides = _sides(across, down, box)
            if min(sides) >= MIN_BORDER_RATIO and fmean(sides) >= MIN_MEAN_BORDER_RATIO:
                yield box, fmean(sides)


def _pairs(lines: list[int], num_lines: int) -> list[tuple[int, int]]:
    """Return first line and end of each possible side, and that of the whole frame."""
    found = [pair for pair in combinations(lines, 2) if pair[1] - pair[0] >= MIN_SIDE_RATIO * num_lines]
    return [*found, (0, num_lines)]


def _area_ratio(box: PictureBox, height_px: int, width_px: int) -> float:
    return box.height_px * box.width_px / (height_px * width_px)


def _sides(across: np.ndarray, down: np.ndarray, box: PictureBox) -> list[float]:
    """Return the share of each side that is a step, but for sides at the frame's edge."""
    height, width = down.shape[1] - 1, across.shape[1] - 1
    rows = [row for row in (box.top_px, box.bottom_px) if 0 < row < height]
    columns = [column for column in (box.left_px, box.right_px) if 0 < column < width]
    return [
        *(float(across[row, box.right_px] - across[row, box.left_px]) / box.width_px for row in rows),
        *(float(down[column, box.bottom_px] - down[column, box.top_px]) / box.height_px for column in columns),
    ]


def _counts(steps: np.ndarray) -> np.ndarray:
    """Return (L + 2, K + 1): running sums along each line, which begins at the step before it; a step one line beside
    counts, as scaling blurs it."""
    near = steps.copy()
    near[1:] |= steps[:-1]
    near[:-1] |= steps[1:]
    padded = np.zeros((steps.shape[0] + 2, steps.shape[1] + 1), np.int32)
    padded[1:-1, 1:] = np.cumsum(near, axis=1)
    return padded


def _lines(steps: np.ndarray) -> list[int]:
    """Return the numbers of the lines that begin after the longest standing steps, in order."""
    lengths = steps.sum(axis=1)
    strongest = sorted(range(len(lengths)), key=lambda line: (-int(lengths[line]), line))
    kept: list[int] = []
    for line in strongest:
        if lengths[line] < MIN_SIDE_RATIO * MIN_BORDER_RATIO * steps.shape[1] or len(kept) == MAX_LINES:
            break
        if all(abs(line + 1 - other) > _NEAR_PX for other in kept):
            kept.append(line + 1)
    return sorted(kept)
