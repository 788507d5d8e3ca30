"""Lines of text in a picture: where they are, by the detector's map, and what stands in each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from models.text_reading import DETECTION_STEP_PX, LINE_HEIGHT_PX, ReadLine, TextReaders
from schemas.evidence import FrameBox

MAX_LINES: Final = 32
"""Of one picture, the highest ones: a page of small print costs no more."""
MAX_LINE_WIDTH_PX: Final = 1600
"""Of a line at the recogniser's height; a longer one is squeezed."""

_PIXEL_SCORE: Final = 0.3
_BOX_SCORE: Final = 0.5
_UNCLIP_RATIO: Final = 1.6
"""The three thresholds that the detector was published with. It marks the core of a line; the box is that core,
grown by this ratio of its area to its perimeter."""
_MIN_SIDE_PX: Final = 3.0
_UPRIGHT_RATIO: Final = 1.5
"""A box that is higher than wide by this ratio holds a line that runs downwards."""
_FEWEST_LINE_PX: Final = 16
_MARGIN_LINES: Final = 1.5
"""Heights of the highest line that are looked at around lines that a smaller size showed: for a further line."""
_LEAST_MARGIN_PX: Final = 32


@dataclass(frozen=True, slots=True)
class TextBox:
    """One line of text in a picture."""

    corners: np.ndarray
    """(4, 2) float32 x and y in pixels: upper left, upper right, lower right, lower left of the line as it is read."""
    score: float
    """Mean of the detector's map inside, in [0, 1]."""

    @property
    def height_px(self) -> float:
        """Across the line."""
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))

    @property
    def width_px(self) -> float:
        """Along the line."""
        return float(np.linalg.norm(self.corners[1] - self.corners[0]))


def find_lines(readers: TextReaders, pixels: np.ndarray, longer_px: int, near: Sequence[TextBox] = ()) -> list[TextBox]:
    """Find the lines of text in a picture, in the order in which they are read.

    Args:
        readers: the detector.
        pixels: (H, W, 3) uint8 RGB.
        longer_px: longer side at which the detector looks at it; a smaller picture is not scaled up.
        near: lines that were found at a smaller size: only the part of the picture around all of them is looked at,
            because the detector's cost grows with the area. Empty: the whole picture.
    """
    left, top, right, bottom = _around(near, *pixels.shape[:2]) if near else (0, 0, pixels.shape[1], pixels.shape[0])
    scale = min(1.0, longer_px / max(pixels.shape[:2]))
    found = [
        TextBox(box.corners + np.array([left, top], np.float32), box.score)
        for box in _lines_of(readers, pixels[top:bottom, left:right], scale)
    ]
    return in_reading_order(sorted(found, key=lambda box: -box.height_px)[:MAX_LINES])


def _around(boxes: Sequence[TextBox], height: int, width: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the part of a picture that holds boxes, with room for adjacent lines."""
    corners = np.concatenate([box.corners for box in boxes])
    margin = max(_LEAST_MARGIN_PX, _MARGIN_LINES * max(min(box.height_px, box.width_px) for box in boxes))
    left, top = np.maximum(np.floor(corners.min(axis=0) - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0) + margin), (width, height)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _lines_of(readers: TextReaders, pixels: np.ndarray, scale: float) -> Iterator[TextBox]:
    height, width = pixels.shape[:2]
    seen = cv2.resize(pixels, (_stepped(width * scale), _stepped(height * scale)), interpolation=cv2.INTER_AREA)
    text_map = readers.text_map(np.ascontiguousarray(seen))
    shares = np.array([width / text_map.shape[1], height / text_map.shape[0]], np.float32)
    return (TextBox(box.corners * shares, box.score) for box in boxes_in(text_map))


def boxes_in(text_map: np.ndarray) -> Iterator[TextBox]:
    """Yield the lines in a detector's map, (H, W) float32 in [0, 1]."""
    marked = cv2.dilate((text_map > _PIXEL_SCORE).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(marked, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        centre, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < _MIN_SIDE_PX:
            continue
        score = _score_inside(text_map, contour)
        if score >= _BOX_SCORE:
            grown = _UNCLIP_RATIO * width * height / (2 * (width + height))
            corners = cv2.boxPoints((centre, (width + 2 * grown, height + 2 * grown), angle))
            yield TextBox(_as_read(np.asarray(corners, np.float32)), score)


def _score_inside(text_map: np.ndarray, contour: np.ndarray) -> float:
    left, top, width, height = cv2.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [contour - np.array([left, top])], 1)
    return float(text_map[top : top + height, left : left + width][inside > 0].mean())


def _as_read(corners: np.ndarray) -> np.ndarray:
    """Return the corners from the upper left on, clockwise, of a line from left to right or from top to bottom."""
    start = int(corners.sum(axis=1).argmin())
    corners = np.roll(corners, -start, axis=0)
    across, down = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[3] - corners[0])
    return np.roll(corners, -1, axis=0) if down > _UPRIGHT_RATIO * across else corners


def in_reading_order(boxes: Sequence[TextBox]) -> list[TextBox]:
    """Return boxes row by row, each from left to right; boxes that overlap by half their height share a row."""
    rows: list[list[TextBox]] = []
    for box in sorted(boxes, key=lambda box: float(box.corners[:, 1].mean())):
        middle = float(box.corners[:, 1].mean())
        last = rows[-1][-1] if rows else None
        if last is not None and middle - float(last.corners[:, 1].mean()) < min(last.height_px, box.height_px) / 2:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row, key=lambda box: float(box.corners[:, 0].mean()))]


def read_line(readers: TextReaders, pixels: np.ndarray, box: TextBox) -> ReadLine:
    """Read one line of a picture, (H, W, 3) uint8 RGB."""
    width = box.width_px * LINE_HEIGHT_PX / max(box.height_px, 1.0)
    width_px = min(MAX_LINE_WIDTH_PX, max(_FEWEST_LINE_PX, math.ceil(width / 8) * 8))
    target = np.array([[0, 0], [width_px, 0], [width_px, LINE_HEIGHT_PX], [0, LINE_HEIGHT_PX]], np.float32)
    matrix = cv2.getPerspectiveTransform(box.corners, target)
    line = cv2.warpPerspective(
        pixels, matrix, (width_px, LINE_HEIGHT_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return readers.read(np.ascontiguousarray(line))


def frame_box(corners: np.ndarray, height: int, width: int) -> FrameBox:
    """Return the upright rectangle around some corners, (N, 2) in pixels, in shares of the picture."""
    left, top = corners.min(axis=0) / (width, height)
    right, bottom = corners.max(axis=0) / (width, height)
    return FrameBox(left=_share(left), top=_share(top), right=_share(right), bottom=_share(bottom))


def _share(value: float) -> float:
    return round(min(max(float(value), 0.0), 1.0), 4)


def _stepped(side: float) -> int:
    return max(DETECTION_STEP_PX, round(side / DETECTION_STEP_PX) * DETECTION_STEP_PX)
