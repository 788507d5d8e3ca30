"""Fades: the picture loses its contrast until it is of one colour, and another one gains it.

A flat run of pictures is widened over the fall of contrast before it and the rise after it, so that a fade counts once.
"""

from __future__ import annotations

import numpy as np

from operators.motion.content_change import ContentChange
from operators.motion.hard_cuts import MIN_CHANGE
from operators.motion.transitions import ShotChange

FLAT_LUMA_DEVIATION = 4.0
"""Standard deviation of luma, of 255, below which there is no picture."""
DIM_RATIO = 0.2
"""Of the contrast on both sides: the darkest picture of a short fade is not of one colour exactly."""
MAX_DIM_DEVIATION = 12.0
"""From here on there is a picture, whatever is next to it."""
MAX_DIM_SECONDS = 0.3
"""Longest time without an exactly flat picture."""
SIDE_SECONDS = 1.0
MIN_RAMP_SECONDS = 0.1
MIN_RAMP_STEPS = 2
MAX_RAMP_SECONDS = 2.5
"""Longest fall or rise of contrast."""
MIN_GROWTH_PER_SECOND = 0.5
"""Share by which contrast grows on a ramp."""
MAX_PAUSE_SECONDS = 0.1
"""A ramp continues after a pause of at most this: pictures are repeated."""
MAX_FLASH_SECONDS = 0.45
"""Longest flash, with its rise and fall."""
SAME_SHOT_CHANGE = 0.12
"""Pictures before and after a brief loss of contrast that differ by less are of one shot."""


def fades(seconds: np.ndarray, deviations: np.ndarray, change: ContentChange) -> list[ShotChange]:
    """Return flat runs with the ramps on both sides: changes of shot, unless they touch an end of the span.

    Args:
        seconds: (N,) of the pictures of a span.
        deviations: (N,) standard deviation of luma.
        change: distances of any two.
    """
    found = []
    for first, last in _flat_runs(deviations < FLAT_LUMA_DEVIATION):
        fade = _with_ramps(seconds, deviations, first, last)
        if not _is_flash(seconds, change, fade):
            found.append(fade)
    dim = (deviations >= FLAT_LUMA_DEVIATION) & (deviations < MAX_DIM_DEVIATION) & _is_low(seconds, deviations)
    for first, last in _flat_runs(dim):
        fade = _with_ramps(seconds, deviations, first, last)
        if not _is_known(fade, found) and _has_ramps(seconds, fade, first, last):
            found.append(fade)
    return sorted(found, key=lambda each: each.begin)


def _flat_runs(is_flat: np.ndarray) -> list[tuple[int, int]]:
    """Return runs [first, last) of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_flat, [False]]).astype(np.int8)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _is_flash(seconds: np.ndarray, change: ContentChange, fade: ShotChange) -> bool:
    """Return whether the same shot continues; the longer the loss of contrast, the more alike it must be."""
    lost_seconds = float(seconds[fade.end] - seconds[fade.begin])
    distance = change.between(fade.begin, fade.end)
    return distance < MIN_CHANGE or (lost_seconds <= MAX_FLASH_SECONDS and distance < SAME_SHOT_CHANGE)


def _is_low(seconds: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Return whether the contrast is a small share of what it reaches soon before and soon after."""
    is_low = np.zeros(len(seconds), bool)
    for picture in np.flatnonzero(deviations < MAX_DIM_DEVIATION):
        first = int(np.searchsorted(seconds, seconds[picture] - SIDE_SECONDS))
        last = int(np.searchsorted(seconds, seconds[picture] + SIDE_SECONDS))
        sides = deviations[first : picture + 1].max(), deviations[picture : last + 1].max()
        is_low[picture] = deviations[picture] < DIM_RATIO * min(sides)
    return is_low


def _has_ramps(seconds: np.ndarray, fade: ShotChange, first: int, last: int) -> bool:
    """Return whether the contrast falls and rises gradually: a short dark shot begins and ends with a cut."""
    is_brief = seconds[last - 1] - seconds[first] <= MAX_DIM_SECONDS
    falls = seconds[first] - seconds[fade.begin] >= MIN_RAMP_SECONDS and first - fade.begin >= MIN_RAMP_STEPS
    rises = seconds[fade.end] - seconds[last - 1] >= MIN_RAMP_SECONDS and fade.end - last + 1 >= MIN_RAMP_STEPS
    return bool(is_brief and falls and rises)


def _is_known(fade: ShotChange, others: list[ShotChange]) -> bool:
    return any(fade.begin <= other.end and other.begin <= fade.end for other in others)


def _with_ramps(seconds: np.ndarray, deviations: np.ndarray, first: int, last: int) -> ShotChange:
    begin = _ramp_end(seconds, deviations, range(first - 1, -1, -1), first)
    end = _ramp_end(seconds, deviations, range(last, len(seconds)), last - 1)
    return ShotChange("fade", begin, end, min(last, len(seconds) - 1))


def _ramp_end(seconds: np.ndarray, deviations: np.ndarray, away: range, start: int) -> int:
    """Return the picture at which the contrast stops growing, going away from a flat one."""
    best = start
    for picture in away:
        paused_seconds = abs(seconds[picture] - seconds[best])
        if abs(seconds[picture] - seconds[start]) > MAX_RAMP_SECONDS:
            break
        if deviations[picture] > deviations[best] * (1.0 + MIN_GROWTH_PER_SECOND * paused_seconds):
            best = picture
        elif paused_seconds > MAX_PAUSE_SECONDS:
            break
    return best
