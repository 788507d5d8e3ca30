"""All that is measured on one sampled frame beside the models, in one visit to the host's threads."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from operators.frames.image_input import classifier_input, nudity_input
from operators.frames.perceptual_hash import PerceptualHash, perceptual_hash
from operators.frames.quality import FrameQuality, frame_quality
from operators.frames.static_ratio import thumbnail


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """One frame, ready for the models, and what needed none."""

    classifier_pixels: np.ndarray
    """(224, 224, 3) uint8 RGB."""
    nudity_pixels: np.ndarray
    """(224, 224, 3) uint8 RGB."""
    quality: FrameQuality
    perceptual_hash: PerceptualHash
    thumbnail: np.ndarray
    """(32, 32) uint8."""


def look_at(pixels: np.ndarray) -> FrameFeatures:
    """Measure one frame, (H, W, 3) uint8 RGB."""
    luma = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    return FrameFeatures(
        classifier_pixels=classifier_input(pixels),
        nudity_pixels=nudity_input(pixels),
        quality=frame_quality(luma),
        perceptual_hash=perceptual_hash(luma),
        thumbnail=thumbnail(luma),
    )
