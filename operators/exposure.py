"""Two pictures in the same exposure: flicker and fades of light are no motion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

MAX_GAIN = 2.0
"""Larger changes of exposure are changes of content."""
MIN_SIMILARITY = 0.9
"""Correlation from which two pictures are of one scene, whose exposure can be compared."""
MIN_DEVIATION_LEVELS = 2.0
"""Plain pictures have no contrast to compare."""


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """Two (h, w) uint8 pictures, contiguous, and their difference."""

    first: np.ndarray
    second: np.ndarray
    difference: np.ndarray


def matched(first: np.ndarray, second: np.ndarray) -> MatchedPair:
    """Return the pair with the second picture in the exposure of the first, if that makes them more alike."""
    first, second = np.ascontiguousarray(first), np.ascontiguousarray(second)
    as_they_are = MatchedPair(first, second, cv2.absdiff(first, second))
    (mean, deviation), (other_mean, other_deviation) = _moments(first), _moments(second)
    if min(deviation, other_deviation) < MIN_DEVIATION_LEVELS:
        return as_they_are
    joint = float(np.vdot(_around_zero(first, mean), _around_zero(second, other_mean))) / first.size
    gain = joint / other_deviation**2
    if joint / (deviation * other_deviation) < MIN_SIMILARITY or not 1 / MAX_GAIN <= gain <= MAX_GAIN:
        return as_they_are
    evened = cv2.addWeighted(second, gain, second, 0.0, mean - gain * other_mean)
    difference = cv2.absdiff(first, evened)
    if difference.mean() >= as_they_are.difference.mean():
        return as_they_are
    return MatchedPair(first, np.asarray(evened), difference)


def _around_zero(picture: np.ndarray, mean: float) -> np.ndarray:
    return np.asarray(picture - np.float32(mean), np.float32)


def _moments(picture: np.ndarray) -> tuple[float, float]:
    mean, deviation = cv2.meanStdDev(picture)
    return float(mean[0, 0]), float(deviation[0, 0])
