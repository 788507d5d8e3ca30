"""Technical quality of the picture: sharpness, exposure, contrast, bars.

Sharpness is the variance of the Laplacian (J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy",
2000), mapped to [0, 1]. Everything except the bars is measured inside the bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

import cv2
import numpy as np

from operators.frames.letterbox import NO_BARS, Bars, common_bars, covered_ratio, find_bars

HALF_SHARP_VARIANCE = 100.0
"""Laplacian variance at which sharpness is 0.5; a usual limit between blurred and sharp."""
DARK_LUMA = 16
"""A pixel up to this luma is near black."""
BRIGHT_LUMA = 239
"""A pixel from this luma on is near white."""

_WHITE = 255.0
_LUMA_LEVELS = np.arange(256)


@dataclass(frozen=True, slots=True)
class FrameQuality:
    """Of one frame; ratios in [0, 1]."""

    sharpness_ratio: float
    brightness_ratio: float
    contrast_ratio: float
    underexposed_ratio: float
    overexposed_ratio: float
    bars: Bars | None
    """None if the whole frame is black."""
    height_px: int
    width_px: int


@dataclass(frozen=True, slots=True)
class VideoQuality:
    """Of all sampled frames; ratios in [0, 1]."""

    sharpness_ratio: float
    """Median, so that motion blur in some frames does not count."""
    brightness_ratio: float
    contrast_ratio: float
    underexposed_ratio: float
    overexposed_ratio: float
    letterbox_ratio: float


def frame_quality(luma: np.ndarray) -> FrameQuality:
    """Measure one frame.

    Args:
        luma: (H, W) uint8, full range.
    """
    bars = find_bars(luma)
    picture = (bars or NO_BARS).inside(luma)
    shares = np.bincount(picture.ravel(), minlength=256) / picture.size
    mean = float(shares @ _LUMA_LEVELS)
    variance = float(shares @ (_LUMA_LEVELS - mean) ** 2)
    return FrameQuality(
        sharpness_ratio=_sharpness_ratio(picture),
        brightness_ratio=mean / _WHITE,
        contrast_ratio=variance**0.5 / (_WHITE / 2),
        underexposed_ratio=float(shares[: DARK_LUMA + 1].sum()),
        overexposed_ratio=float(shares[BRIGHT_LUMA:].sum()),
        bars=bars,
        height_px=luma.shape[0],
        width_px=luma.shape[1],
    )


def video_quality(frames: Sequence[FrameQuality]) -> VideoQuality:
    """Combine the frames of a video, at least one, all of one size."""
    first = frames[0]
    return VideoQuality(
        sharpness_ratio=median(frame.sharpness_ratio for frame in frames),
        brightness_ratio=fmean(frame.brightness_ratio for frame in frames),
        contrast_ratio=fmean(frame.contrast_ratio for frame in frames),
        underexposed_ratio=fmean(frame.underexposed_ratio for frame in frames),
        overexposed_ratio=fmean(frame.overexposed_ratio for frame in frames),
        letterbox_ratio=covered_ratio(common_bars([frame.bars for frame in frames]), first.height_px, first.width_px),
    )


def _sharpness_ratio(luma: np.ndarray) -> float:
    """Compute 16-bit Laplacians, which are exact; floats would take twice the time."""
    _, deviation = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S))
    variance = float(deviation[0, 0]) ** 2
    return variance / (variance + HALF_SHARP_VARIANCE)
