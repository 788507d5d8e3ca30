"""Keyframes that come before they are due: encoders write one where a shot begins.

A container lists the keyframes of all of a video, so they say something of the stretches that are not decoded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.media.index import VideoStreamIndex

MIN_KEYFRAMES = 4
"""With fewer nothing is known of their usual distance."""
REGULAR_RATIO = 0.5
"""Share of the distances near the median, from which that is the distance at which keyframes are due."""
NEAR_RATIO = 0.05
"""Distances that differ from the median by less are near it."""
EARLY_RATIO = 0.95
"""Of the distance at which they are due."""
AT_CUT_SECONDS = 0.1
"""A keyframe and a cut at most this far apart are at the same place: pictures may be left out."""


def known_keyframes(video: VideoStreamIndex | None) -> tuple[float, ...]:
    """Return the times of all keyframes of a video; none if only those of a part are known."""
    return video.keyframe_seconds if video is not None and video.is_complete else ()


def early_keyframes(keyframes_seconds: Sequence[float]) -> np.ndarray:
    """Return (N,) the times of those that come early, of all of a video, ascending.

    Without a regular distance they are due at the second longest one: the longest may be a pause of the recording.
    """
    seconds = np.asarray(keyframes_seconds, np.float64)
    if len(seconds) < MIN_KEYFRAMES:
        return np.zeros(0)
    distances = np.diff(seconds)
    median = float(np.median(distances))
    is_regular = (np.abs(distances - median) <= NEAR_RATIO * median).mean() >= REGULAR_RATIO
    due = median if is_regular else float(np.partition(distances, -2)[-2])
    return np.asarray(seconds[1:][distances < EARLY_RATIO * due])
