"""Dissolves: for a while, every picture is a blend of the one before and the one after.

Twin comparison: of two pictures up to two seconds apart, those in between are projected onto the straight line from the
first to the second. In a dissolve they lie on it, progress along it, and have less contrast than either end, because
unrelated pictures that are laid over each other cancel out. In a moving shot they leave the line, or keep the contrast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from operators.motion.thinning import thinned
from operators.motion.transitions import ShotChange

TWIN_HZ = 12.5
"""Rate at which pictures are compared."""
TWIN_STEPS = (5, 6, 8, 10, 12, 16, 20, 24)
"""Distances of the two ends: 0.4 to 1.9 s."""
MIN_DISTANCE_LEVELS = 6.0
"""Root mean square of luma, of 255, by which the ends differ at least."""
MAX_SIMILARITY = 0.75
"""Correlation of the ends: within a shot it is higher, also while the light changes."""
MIDDLE = (0.15, 0.85)
"""Positions on the line between which a picture shows both ends."""
MIN_MIDDLE = 3
"""Pictures in the middle."""
MAX_OFF_LINE = 0.35
"""Mean distance of the middle pictures from the line, as share of its length."""
MIN_DIP = 0.65
"""Loss of contrast in the middle, as share of the loss of an ideal blend."""
MAX_STEP_BACK = 0.06
"""Progress along the line never reverses by more."""
_BLOCK = 64
"""Pictures from which lines begin that are compared in one step."""


@dataclass(frozen=True, slots=True)
class Line:
    """Two pictures between which the others are blends."""

    first: int
    last: int
    quality: float


def dissolves(seconds: np.ndarray, luma: np.ndarray) -> list[ShotChange]:
    """Return the dissolves of a stretch without cuts.

    Args:
        seconds: (N,) of its pictures.
        luma: (N, h, w), uint8 or float32.
    """
    chosen = thinned(seconds, TWIN_HZ)
    pictures = _centred(luma[chosen])
    lines = _apart(_lines(seconds[chosen], pictures))
    return [_change(seconds, chosen, pictures, line) for line in lines]


def _centred(luma: np.ndarray) -> np.ndarray:
    """Return (N, h * w) float32 without the mean of each picture: a change of exposure is no change of shot."""
    pixels = luma.reshape(len(luma), -1).astype(np.float32)
    return np.asarray(pixels - pixels.mean(axis=1, keepdims=True))


def _lines(seconds: np.ndarray, pictures: np.ndarray) -> Iterator[Line]:
    for start in range(0, len(pictures), _BLOCK):
        block = pictures[start : start + _BLOCK + TWIN_STEPS[-1]]
        products = block @ block.T
        for step in TWIN_STEPS:
            firsts = np.arange(min(_BLOCK, len(block) - step))
            if not len(firsts):
                continue
            is_steady = seconds[start + firsts + step] - seconds[start + firsts] <= 1.5 * step / TWIN_HZ
            qualities = np.where(is_steady, _qualities(products, firsts, step, block.shape[1]), 0.0)
            for first in np.flatnonzero(qualities):
                yield Line(start + int(first), start + int(first) + step, float(qualities[first]))


def _qualities(products: np.ndarray, firsts: np.ndarray, step: int, num_pixels: int) -> np.ndarray:
    """Return how well the pictures between each first and the one `step` later agree with a dissolve; 0 if not."""
    lasts, between = firsts + step, firsts[None, :] + np.arange(1, step)[:, None]
    power = np.diag(products)
    first_power, last_power, joint = power[firsts], power[lasts], products[firsts, lasts]
    squared = np.maximum(first_power + last_power - 2 * joint, 1e-3)
    similarity = joint / np.sqrt(first_power * last_power + 1e-3)
    are_different = (squared / num_pixels >= MIN_DISTANCE_LEVELS**2) & (similarity <= MAX_SIMILARITY)
    if not are_different.any():
        return np.zeros(len(firsts))
    along = products[between, lasts] - products[between, firsts] - joint + first_power
    places = along / squared
    squared_off = power[between] + first_power - 2 * products[between, firsts] - places * along
    off = np.sqrt(np.maximum(squared_off, 0) / squared)
    is_middle = (places > MIDDLE[0]) & (places < MIDDLE[1])
    num_middle = is_middle.sum(axis=0)
    mean_off = (off * is_middle).sum(axis=0) / np.maximum(num_middle, 1)
    steps = np.diff(places, axis=0).min(axis=0)
    is_dissolve = (
        are_different
        & (num_middle >= MIN_MIDDLE)
        & (mean_off <= MAX_OFF_LINE)
        & (steps >= -MAX_STEP_BACK)
        & (_dips(power[between], first_power, last_power, joint, places, is_middle) >= MIN_DIP)
    )
    return np.where(is_dissolve, np.sqrt(squared / num_pixels) * (1.0 - mean_off / (2 * MAX_OFF_LINE)), 0.0)


def _dips(
    power: np.ndarray,
    first_power: np.ndarray,
    last_power: np.ndarray,
    joint: np.ndarray,
    places: np.ndarray,
    is_middle: np.ndarray,
) -> np.ndarray:
    """Return the loss of contrast in the middle, as share of the loss of an ideal blend."""
    without_loss = (1 - places) * first_power + places * last_power
    ideal = (1 - places) ** 2 * first_power + places**2 * last_power + 2 * places * (1 - places) * joint
    lost = ((without_loss - power) * is_middle).sum(axis=0)
    return np.asarray(lost / np.maximum(((without_loss - ideal) * is_middle).sum(axis=0), 1e-3))


def _apart(lines: Iterator[Line]) -> list[Line]:
    """Return the best lines that do not overlap, ascending."""
    kept: list[Line] = []
    for line in sorted(lines, key=lambda each: -each.quality):
        if all(line.last <= other.first or line.first >= other.last for other in kept):
            kept.append(line)
    return sorted(kept, key=lambda each: each.first)


def _change(seconds: np.ndarray, chosen: np.ndarray, pictures: np.ndarray, line: Line) -> ShotChange:
    """Return begin and end: where the progress, extended from its middle, leaves one picture and reaches the other."""
    first, last = pictures[line.first], pictures[line.last]
    direction = last - first
    places = (pictures[line.first : line.last + 1] - first) @ direction / float(direction @ direction)
    times = seconds[chosen[line.first : line.last + 1]]
    is_middle = (places > MIDDLE[0]) & (places < MIDDLE[1])
    rate, offset = np.polyfit(times[is_middle], places[is_middle], 1)
    begin, end = (np.clip((place - offset) / max(rate, 1e-3), times[0], times[-1]) for place in (0.0, 1.0))
    return change_between("dissolve", seconds, float(begin), float(end))


def change_between(kind: str, seconds: np.ndarray, begin_seconds: float, end_seconds: float) -> ShotChange:
    """Return a gradual change by the pictures nearest to its begin, end and middle."""
    begin, middle, end = (
        int(np.abs(seconds - wanted).argmin())
        for wanted in (begin_seconds, (begin_seconds + end_seconds) / 2, end_seconds)
    )
    return ShotChange("wipe" if kind == "wipe" else "dissolve", begin, end, middle)
