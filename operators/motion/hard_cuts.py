"""Hard cuts: one picture differs from the previous one far more than pictures around it do from theirs.

At the full rate of a video even a jump cut, which changes little, stands out from the movement before and after it.
A flash is excluded because the picture returns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.motion.content_change import ContentChange

MIN_CHANGE = 0.04
"""Minimum content change of a cut; a keyframe that restores detail changes about 0.01."""
MIN_CHANGE_OVER_LARGEST = 1.8
"""A cut's change divided by the largest of its neighbours'."""
NEIGHBOUR_SECONDS = 0.17
"""Time on either side within which changes are compared."""
MAX_NEIGHBOUR_SECONDS = 0.6
"""At least one neighbour on either side is compared, if it is within this time: changes of slides seconds apart are
independent."""
FLASH_SECONDS = 0.25
"""A picture that returns within this time is no cut."""
TIME_SLACK_SECONDS = 0.005
"""Times are rounded."""
ALIKE_RATIO = 0.5
"""Share of a cut's change: pictures before and after it that differ by less are of one shot."""
MAX_COMPARED = 8
"""Pictures on either side that are compared for a flash, evenly chosen."""


def hard_cuts(seconds: np.ndarray, changes: np.ndarray, change: ContentChange) -> list[int]:
    """Return the first pictures of new shots, ascending.

    Args:
        seconds: (N,) of the pictures of a span.
        changes: (N,) of each picture against the previous one.
        change: distances of any two.
    """
    return [
        int(picture)
        for picture in np.flatnonzero(changes >= MIN_CHANGE)
        if changes[picture] >= MIN_CHANGE_OVER_LARGEST * largest_around(changes, seconds, int(picture))
        and not comes_back(change, seconds, changes, int(picture))
    ]


def largest_around(changes: np.ndarray, seconds: np.ndarray, picture: int) -> float:
    """Return the largest change near one, without it; 0 without neighbours."""
    first, last = _within(seconds, picture, NEIGHBOUR_SECONDS)
    if first == picture and seconds[picture] - seconds[picture - 1] <= MAX_NEIGHBOUR_SECONDS:
        first -= 1
    if last == picture + 1 and last < len(seconds) and seconds[last] - seconds[picture] <= MAX_NEIGHBOUR_SECONDS:
        last += 1
    before, after = changes[max(1, first) : picture], changes[picture + 1 : last]
    return float(max(before.max(initial=0.0), after.max(initial=0.0)))


def comes_back(change: ContentChange, seconds: np.ndarray, changes: np.ndarray, picture: int) -> bool:
    """Return whether something from before a picture appears again soon after it."""
    reach = FLASH_SECONDS + TIME_SLACK_SECONDS
    first, last = _within(seconds, picture, FLASH_SECONDS)
    befores, afters = _thinned(range(first, picture)), _thinned(range(picture, last))
    distances = change.among(befores, afters)
    is_soon = seconds[afters][None, :] - seconds[befores][:, None] <= reach
    return bool((is_soon & (distances < ALIKE_RATIO * changes[picture])).any())


def _within(seconds: np.ndarray, picture: int, reach_seconds: float) -> tuple[int, int]:
    reach = reach_seconds + TIME_SLACK_SECONDS
    first = int(np.searchsorted(seconds, seconds[picture] - reach))
    return first, int(np.searchsorted(seconds, seconds[picture] + reach, side="right"))


def _thinned(pictures: range) -> Sequence[int]:
    stride = -(-len(pictures) // MAX_COMPARED) or 1
    return pictures[::stride]
