"""Boundaries of shots.

A cut is a change that is large in absolute terms, and relative to the changes right before and after it, which are
large too when something passes close to the camera. Flashes are excluded because the picture returns. A fade through
black or another flat colour counts as one cut, at the time at which a picture returns. Dissolves and wipes are not
found.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from operators.media.tracks import MotionSpan, MotionTrack
from operators.motion.content_change import ContentChange

MIN_CHANGE = 0.12
"""Minimum content change of a cut."""
MIN_CHANGE_OVER_NEIGHBOURS = 1.75
"""A cut's change divided by the mean of its neighbours'."""
NEIGHBOUR_SECONDS = 0.17
"""Time on either side within which changes are compared."""
MAX_NEIGHBOUR_SECONDS = 0.6
"""At least one neighbour on either side is compared, if it is within this time: changes of slides seconds apart are
independent."""
FLASH_SECONDS = 0.25
"""A picture that returns within this time is no cut."""
TIME_SLACK_SECONDS = 0.035
"""Pictures have the distances of their video's frame rate, not exactly the two above: the nearest of them counts."""
ALIKE_RATIO = 0.5
"""Share of a cut's change: pictures before and after it that differ by less are of one shot."""
FLAT_LUMA_DEVIATION = 4.0
"""Standard deviation of luma, of 255, below which there is no picture."""


def cut_times(track: MotionTrack) -> tuple[float, ...]:
    """Return the times of the first frame of every new shot, ascending.

    No frames are compared across a gap: a cut in one is not found. Precise to one interval of the track.
    """
    change = ContentChange(track.luma)
    is_flat = np.array([_deviation(picture) < FLAT_LUMA_DEVIATION for picture in track.luma], dtype=bool)
    frames = (frame for span in track.spans for frame in _cut_frames(track, span, change, is_flat))
    return tuple(float(track.pts_seconds[frame]) for frame in frames)


def _cut_frames(track: MotionTrack, span: MotionSpan, change: ContentChange, is_flat: np.ndarray) -> list[int]:
    pts_seconds = track.pts_seconds
    changes = change.successive(span.first, span.last)
    hard = _standing_out(changes, pts_seconds[span.first + 1 : span.last])
    cuts = {
        frame
        for frame in (span.first + 1 + int(position) for position in hard)
        if not is_flat[frame - 1 : frame + 1].any() and not _comes_back(change, span, frame, pts_seconds)
    }
    return sorted(cuts | set(_returns_from_flat(pts_seconds, span, is_flat, change)))


def _standing_out(changes: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Return positions of changes that are large, and the largest by far among their neighbours in time."""
    return np.array(
        [
            position
            for position in map(int, np.flatnonzero(changes >= MIN_CHANGE))
            if changes[position] >= MIN_CHANGE_OVER_NEIGHBOURS * _mean_around(changes, seconds, position)
        ],
        dtype=np.int64,
    )


def _mean_around(changes: np.ndarray, seconds: np.ndarray, position: int) -> float:
    distances = np.abs(seconds - seconds[position])
    is_near = distances <= NEIGHBOUR_SECONDS + TIME_SLACK_SECONDS
    is_next = np.abs(np.arange(len(changes)) - position) == 1
    is_neighbour = is_near | (is_next & (distances <= MAX_NEIGHBOUR_SECONDS))
    is_neighbour[position] = False
    return float(changes[is_neighbour].mean()) if is_neighbour.any() else 0.0


def _comes_back(change: ContentChange, span: MotionSpan, frame: int, seconds: np.ndarray) -> bool:
    """Return whether a picture from before `frame` appears again soon after it."""
    limit = ALIKE_RATIO * change.between(frame - 1, frame)
    reach = FLASH_SECONDS + TIME_SLACK_SECONDS
    befores = range(int(np.searchsorted(seconds, seconds[frame] - reach)), frame)
    afters = range(frame, int(np.searchsorted(seconds, seconds[frame] + reach)))
    return any(
        change.between(before, after) < limit
        for before in befores
        for after in afters
        if span.first <= before and after < span.last and seconds[after] - seconds[before] <= reach
    )


def _returns_from_flat(
    pts_seconds: np.ndarray, span: MotionSpan, is_flat: np.ndarray, change: ContentChange
) -> Iterable[int]:
    """Return first frames with a picture after a flat one, except after a flash that changed nothing."""
    for first, last in _runs(is_flat[span.first : span.last], span.first):
        if first == span.first or last == span.last:
            continue
        is_brief = pts_seconds[last] - pts_seconds[first] <= FLASH_SECONDS
        if not (is_brief and change.between(first - 1, last) < MIN_CHANGE):
            yield last


def _runs(is_flat: np.ndarray, offset: int) -> list[tuple[int, int]]:
    """Return runs [first, last) of True, shifted by `offset`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_flat, [False]]).astype(np.int8)))
    return [(int(first) + offset, int(last) + offset) for first, last in edges.reshape(-1, 2)]


def _deviation(picture: np.ndarray) -> float:
    """Return the standard deviation of (h, w) uint8."""
    return float(cv2.meanStdDev(picture)[1][0, 0])
