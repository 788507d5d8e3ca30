"""Sizes of decoded pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

MAX_MOTION_SIDE = 320
"""Limits the motion track of a picture that is one pixel wide and thousands high."""


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height


def displayed_size(width: int, height: int, pixel_aspect: float) -> tuple[float, float]:
    """Return width and height in square pixels, before rotation."""
    return width * pixel_aspect, float(height)


def frame_size(width: float, height: float, *, shorter: int, longer: int) -> Size:
    """Return a size with the wanted shorter side, unless the longer would exceed its limit; small pictures are scaled
    up."""
    scale = min(shorter / min(width, height), longer / max(width, height))
    return Size(max(1, round(width * scale)), max(1, round(height * scale)))


def motion_size(width: float, height: float, *, pixels: int) -> Size:
    """Return a size of about `pixels` in total, in the picture's aspect."""
    scale = min(math.sqrt(pixels / (width * height)), MAX_MOTION_SIDE / max(width, height))
    return Size(max(1, round(width * scale)), max(1, round(height * scale)))


def text_size(width: float, height: float, *, longer: int, pixels: int) -> Size:
    """Return a size with the wanted longer side, unless that would be more pixels than `pixels`; small pictures are
    scaled up."""
    scale = min(longer / max(width, height), math.sqrt(pixels / (width * height)))
    return Size(max(1, math.floor(width * scale)), max(1, math.floor(height * scale)))


SAME_SHAPE_RATIO = 0.03
"""Shapes that differ by less count as one: sizes are rounded to whole blocks of a codec."""


def same_area(size: Size, change_of_shape: float) -> Size:
    """Return a size of another shape with at most the same number of pixels; `change_of_shape` is new width over height
    divided by the old."""
    if abs(change_of_shape - 1) < SAME_SHAPE_RATIO:
        return size
    shape = size.width / size.height * change_of_shape
    width = min(size.pixels, max(1, math.floor(math.sqrt(size.pixels * shape))))
    return Size(width, max(1, min(size.pixels // width, round(width / shape))))


def inside(size: Size, change_of_shape: float) -> Size:
    """Return the largest size of another shape that fits into a size."""
    if abs(change_of_shape - 1) < SAME_SHAPE_RATIO:
        return size
    width, height = size.width * min(1.0, change_of_shape), size.height * min(1.0, 1 / change_of_shape)
    return Size(max(1, math.floor(width)), max(1, math.floor(height)))
