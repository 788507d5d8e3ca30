"""Black bars around the picture: letterbox above and below, pillarbox left and right.

A dark area is not a bar. A bar ends at a straight edge at which the picture begins along the whole line; the dark area
of a night scene ends irregularly, where something is lit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

BLACK_MEAN_LUMA = 16.0
BLACK_MAX_LUMA = 40
"""Compression leaves noise in black bars; a line with a brighter pixel belongs to the picture."""
MIN_BAR_RATIO = 0.02
"""Minimum share of height or width, on both sides of the picture; less is the edge of a codec or a camera."""
EDGE_LUMA = 24
"""From this luma on, a pixel at the edge of a bar belongs to the picture: above compression noise in bars."""
MIN_EDGE_RATIO = 0.6
"""Share of a bar's edge along which the picture must begin, in some frame. Pictures have dark corners, and bars on the
other sides; lamps, faces and fires in the dark are narrower."""
EDGE_LINES = 4
"""Lines within which the picture must begin: scaling and compression blur the edge."""
SAME_EDGE_LINES = 1
"""Edges of two frames at most this many lines apart are the same."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Number of black lines at each side of one frame, and the share of each edge at which the picture begins, [0,
    1]."""

    top_px: int
    bottom_px: int
    left_px: int
    right_px: int
    top_edge_ratio: float = 1.0
    bottom_edge_ratio: float = 1.0
    left_edge_ratio: float = 1.0
    right_edge_ratio: float = 1.0

    def inside(self, luma: np.ndarray) -> np.ndarray:
        """Return the picture without its bars; all of it if the black may be a dark area."""
        height, width = luma.shape
        sure = common_bars([self])
        return luma[sure.top_px : height - sure.bottom_px, sure.left_px : width - sure.right_px]


NO_BARS = Bars(0, 0, 0, 0)


def find_bars(luma: np.ndarray) -> Bars | None:
    """Find possible bars of one frame.

    Args:
        luma: (H, W) uint8.

    Returns:
        None for a frame that is completely black, which says nothing about bars.
    """
    rows = _picture_lines(luma, axis=1)
    if rows is None:
        return None
    columns = _picture_lines(luma[rows], axis=0)
    if columns is None:
        return None
    top_px, bottom_px = _pair(rows, luma.shape[0])
    left_px, right_px = _pair(columns, luma.shape[1])
    return Bars(
        top_px,
        bottom_px,
        left_px,
        right_px,
        *(_edge_ratios(luma[rows]) if top_px else (1.0, 1.0)),
        *(_edge_ratios(luma[:, columns].T) if left_px else (1.0, 1.0)),
    )


def common_bars(bars: Sequence[Bars | None]) -> Bars:
    """Return the bars that all frames with content have in common, if their edges are those of bars.

    A dark corner of one scene is no bar, and neither is a dark surrounding in all scenes.
    """
    found = [each for each in bars if each is not None]
    top_px, top_edge = _common((each.top_px, each.top_edge_ratio) for each in found)
    bottom_px, bottom_edge = _common((each.bottom_px, each.bottom_edge_ratio) for each in found)
    left_px, left_edge = _common((each.left_px, each.left_edge_ratio) for each in found)
    right_px, right_edge = _common((each.right_px, each.right_edge_ratio) for each in found)
    has_letterbox = min(top_edge, bottom_edge) >= MIN_EDGE_RATIO
    has_pillarbox = min(left_edge, right_edge) >= MIN_EDGE_RATIO
    return Bars(
        top_px=top_px * has_letterbox,
        bottom_px=bottom_px * has_letterbox,
        left_px=left_px * has_pillarbox,
        right_px=right_px * has_pillarbox,
    )


def covered_ratio(bars: Bars, height_px: int, width_px: int) -> float:
    """Return the share of the frame that the bars cover, [0, 1]."""
    picture_px = (height_px - bars.top_px - bars.bottom_px) * (width_px - bars.left_px - bars.right_px)
    return 1.0 - picture_px / (height_px * width_px)


def _common(sides: Iterable[tuple[int, float]]) -> tuple[int, float]:
    """Return the narrowest bar at one side, and the largest share of its edge at which the picture begins in a
    frame."""
    found = list(sides)
    px = min((side_px for side_px, _ in found), default=0)
    return px, max((edge for side_px, edge in found if side_px <= px + SAME_EDGE_LINES), default=0.0)


def _edge_ratios(lines: np.ndarray) -> tuple[float, float]:
    """Return the share of the length N along which any of the first, and any of the last of (K, N) lines shows the
    picture."""
    first, last = lines[:EDGE_LINES].max(axis=0), lines[-EDGE_LINES:].max(axis=0)
    return float((first >= EDGE_LUMA).mean()), float((last >= EDGE_LUMA).mean())


def _picture_lines(luma: np.ndarray, axis: int) -> slice | None:
    """Return the range of lines along `axis` from the first to the last that is not black."""
    is_picture = (luma.max(axis=axis) > BLACK_MAX_LUMA) | (luma.mean(axis=axis) > BLACK_MEAN_LUMA)
    lines = np.flatnonzero(is_picture)
    return slice(int(lines[0]), int(lines[-1]) + 1) if len(lines) else None


def _pair(picture: slice, num_lines: int) -> tuple[int, int]:
    """Return bars only as pairs; black on one side only is more likely night or floor."""
    before, after = picture.start, num_lines - picture.stop
    return (before, after) if min(before, after) >= MIN_BAR_RATIO * num_lines else (0, 0)
