"""A picture within the picture: a strip between blurred bars, or a smaller picture on another one.

Its border stands still while the rest moves: a straight step of luma at the same place in most frames. Bars that are a
blurred copy of the picture meet it without a step in places, but they are blurred and the strip is not.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import cv2
import numpy as np

from operators.frames.fine_box import FineBox, fine_box
from operators.frames.flat_margins import PictureBox
from operators.frames.percentile_of_few import percentile_of_few

STEP_LEVELS: Final = 8
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
USUAL_RATIO: Final = 0.7
"""Share of steps on lines of a picture with many edges."""
MAX_PICTURES: Final = 2
"""Rectangles that are tried: where the picture around has many edges, the second one may be right."""
MAX_CANDIDATES: Final = 60
"""Of them, with those that are nearly the same."""
MAX_LINES: Final = 20
"""Longest lines of each direction that are combined."""
BLUR_RATIO: Final = 0.3
"""Fine detail of a blurred bar, as a share of that of the strip."""

_DETAIL_PX: Final = 3
_NEAR_PX: Final = 2


def inner_pictures(lumas: np.ndarray) -> list[FineBox]:
    """Find where a picture within the picture of a video's frames may be, the most certain first; none if there is no
    border.

    Args:
        lumas: (N, H, W) uint8, frames that are spread over the video, without flat margins.
    """
    strip = _strip(lumas)
    # A small picture with detail on a soft one looks like a strip, so a border is looked for in any case.
    found = [*([] if strip is None else [strip]), *_bordered(lumas)]
    return [fine_box(lumas, box) for box in found[:MAX_PICTURES]]


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


def _bordered(lumas: np.ndarray) -> list[PictureBox]:
    """Find the rectangles whose borders are standing steps, the most certain ones."""
    rows = _standing_steps(lumas)
    columns = _standing_steps(lumas.transpose(0, 2, 1))
    height, width = lumas.shape[1:]
    row_pairs, column_pairs = _pairs(_lines(rows), height), _pairs(_lines(columns), width)
    row_sides = _sides(rows, row_pairs, column_pairs)
    column_sides = _sides(columns, column_pairs, row_pairs).swapaxes(0, 1)
    heights, widths = np.diff(row_pairs, axis=1), np.diff(column_pairs, axis=1).T
    scores = _scores(row_sides, column_sides, heights, widths)
    scores[heights * widths > MAX_AREA_RATIO * height * width] = 0.0
    found: list[PictureBox] = []
    for place in np.argsort(-scores, axis=None)[:MAX_CANDIDATES]:
        row, column = np.unravel_index(int(place), scores.shape)
        box = PictureBox(*map(int, row_pairs[row]), *map(int, column_pairs[column]))
        if scores[row, column] > 0 and len(found) < MAX_PICTURES and all(_differ(box, other) for other in found):
            found.append(box)
    return found


def _differ(first: PictureBox, second: PictureBox) -> bool:
    sides = ((each.top_px, each.bottom_px, each.left_px, each.right_px) for each in (first, second))
    return any(abs(one - other) > 2 * _NEAR_PX for one, other in zip(*sides, strict=True))


def _standing_steps(lumas: np.ndarray) -> np.ndarray:
    """Return (H - 1, W) bool: where a step to the next row stands."""
    values = np.pad(lumas, ((0, 0), (1, 1), (0, 0)), mode="edge")
    # Over three rows, as scaling spreads a step over two.
    steps = [cv2.absdiff(frame[3:], frame[:-3]) for frame in values]
    return np.asarray(percentile_of_few(steps, STANDING_PERCENTILE) >= STEP_LEVELS)


def _pairs(lines: list[int], num_lines: int) -> np.ndarray:
    """Return (P, 2): first line and end of each possible side, and that of the whole frame."""
    found = [pair for pair in combinations(lines, 2) if pair[1] - pair[0] >= MIN_SIDE_RATIO * num_lines]
    return np.array([*found, (0, num_lines)])


def _sides(steps: np.ndarray, pairs: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return (P, Q, 2): the share of first and last line of each pair that is a step, between the ends of the other
    direction's pairs; NaN at the frame's edge.

    Args:
        steps: (L - 1, K) from a line to the next.
        pairs: (P, 2) of lines.
        across: (Q, 2) of places along them.
    """
    counts, num_lines = _counts(steps), steps.shape[0] + 1
    lines = pairs[:, None, :]
    found = counts[lines, across[None, :, 1:]] - counts[lines, across[None, :, :1]]
    shares = found / np.diff(across, axis=1)
    return np.where((lines > 0) & (lines < num_lines), shares, np.nan)


def _scores(row_sides: np.ndarray, column_sides: np.ndarray, heights: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return (P, Q): the length of the border, times what its share of steps exceeds `USUAL_RATIO` by; 0 if there are
    too few.

    The share alone would prefer a smaller rectangle that a line within the inner picture makes with parts of its
    border.

    Args:
        row_sides: (P, Q, 2) shares of the border that are a step; NaN at the frame's edge.
        column_sides: the same.
        heights: (P, 1) in pixels.
        widths: (1, Q) in pixels.
    """
    sides = np.concatenate([row_sides, column_sides], axis=-1)
    counted = ~np.isnan(sides)
    lengths = np.stack(np.broadcast_arrays(widths, widths, heights, heights), axis=-1) * counted
    shares = np.where(counted, sides, 1.0)
    means = shares.mean(axis=-1, where=counted | ~counted.any(axis=-1, keepdims=True))
    is_border = (shares.min(axis=-1) >= MIN_BORDER_RATIO) & (means >= MIN_MEAN_BORDER_RATIO) & counted.any(axis=-1)
    return np.where(is_border, ((shares - USUAL_RATIO) * lengths).sum(axis=-1), 0.0)


def _counts(steps: np.ndarray) -> np.ndarray:
    """Return (L + 2, K + 1): running sums along each line, which begins at the step before it; a step one line next to
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
