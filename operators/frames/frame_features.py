"""Measures one sampled frame without the models, in one call on the host's threads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from models.model_input import FrameInput
from operators.frames.image_input import frame_input
from operators.frames.quality import FrameQuality, frame_quality
from operators.frames.static_ratio import thumbnail


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """One frame, prepared for the models, and the results that need none."""

    squares: Mapping[FrameInput, np.ndarray]
    """What the models see: one for all cards that want the same."""
    quality: FrameQuality
    thumbnail: np.ndarray
    """(32, 32) uint8."""
    luma: np.ndarray
    """(H, W) uint8."""


def look_at(pixels: np.ndarray, inputs: Iterable[FrameInput]) -> FrameFeatures:
    """Measure one frame, (H, W, 3) uint8 RGB, and make each distinct input of models from it."""
    luma = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    return FrameFeatures(
        squares={how: frame_input(pixels, how) for how in dict.fromkeys(inputs)},
        quality=frame_quality(luma),
        thumbnail=thumbnail(luma),
        luma=luma,
    )
