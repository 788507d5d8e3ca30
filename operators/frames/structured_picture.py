"""Hashes of a picture and its parts, whose quality says how much there is to see apart from strokes.

PDQ's own quality counts every edge. On a smooth ground a caption has enough of them, but then the hash is that of the
caption, and matches every smooth picture with the same words. So strokes are removed before edges are counted.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Final

import cv2
import numpy as np

from operators.frames.fine_box import FineBox
from operators.frames.flat_margins import PictureBox
from operators.frames.perceptual_hash import BUFFER_SIDE, PerceptualHash, gradient_quality, perceptual_hash

PLAIN_SIDE_PX: Final = 112
"""Shorter side of the picture without strokes, at most."""
STROKE_RATIO: Final = 0.19
"""Of the shorter side: the window whose median replaces a pixel. What is narrower than half of it disappears: letters
do, faces stay."""


class StructuredPicture:
    """One picture, (H, W) uint8."""

    def __init__(self, luma: np.ndarray) -> None:
        self._luma = luma

    def hash(self, box: FineBox | None = None) -> PerceptualHash:
        """Return the hash of a part, or of all; its quality is PDQ's, or that of the picture without strokes if it is
        less."""
        found = self.bits if box is None else perceptual_hash(box.of(self._luma))
        return replace(found, quality=min(found.quality, self._plain_quality(box)))

    @cached_property
    def bits(self) -> PerceptualHash:
        """The hash of all with PDQ's own quality, which takes a third of the time."""
        return perceptual_hash(self._luma)

    @cached_property
    def _plain(self) -> np.ndarray:
        return _without_strokes(self._luma)

    def _plain_quality(self, box: FineBox | None) -> int:
        if box is None:
            return _quality(self._plain)
        return _quality(PictureBox.of_shares(box.scaled(self._luma.shape), *self._plain.shape).of(self._plain))


def _without_strokes(luma: np.ndarray) -> np.ndarray:
    """Return the picture, smaller, with each pixel the median of those around it."""
    shorter_px = min(luma.shape)
    scale = min(1.0, PLAIN_SIDE_PX / shorter_px)
    size = (max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale)))
    window_px = max(3, round(STROKE_RATIO * min(size)) | 1)
    return np.asarray(
        cv2.medianBlur(np.ascontiguousarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA)), window_px)
    )


def _quality(plain: np.ndarray) -> int:
    if not plain.size:
        return 0
    buffer = cv2.resize(plain, (BUFFER_SIDE, BUFFER_SIDE), interpolation=cv2.INTER_AREA)
    return gradient_quality(np.asarray(buffer, np.float64))
