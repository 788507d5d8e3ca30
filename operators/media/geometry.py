"""How large the decoded pictures are."""

from __future__ import annotations

import math
from dataclasses import dataclass

MAX_MOTION_SIDE = 320
"""Keeps the track of a picture that is one pixel wide from growing thousands high."""


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
    """Width and height in square pixels, before rotation."""
    return width * pixel_aspect, float(height)


def frame_size(width: float, height: float, *, shorter: int, longer: int) -> Size:
    """Shorter side as wanted unless the longer would pass its limit; small pictures are scaled up."""
    scale = min(shorter / min(width, height), longer / max(width, height))
    return Size(max(1, round(width * scale)), max(1, round(height * scale)))


def motion_size(width: float, height: float, *, pixels: int) -> Size:
    """About `pixels` in all, in the picture's aspect."""
    scale = min(math.sqrt(pixels / (width * height)), MAX_MOTION_SIDE / max(width, height))
    return Size(max(1, round(width * scale)), max(1, round(height * scale)))
