"""Fewer pictures of a track, at about a wanted rate."""

from __future__ import annotations

import numpy as np


def thinned(seconds: np.ndarray, hz: float) -> np.ndarray:
    """Return the indices of pictures at most `hz` times a second, evenly chosen; all of a slower track."""
    if not len(seconds):
        return np.zeros(0, np.int64)
    slots = np.floor((seconds - seconds[0]) * hz + 0.5 / hz).astype(np.int64)
    return np.flatnonzero(np.diff(slots, prepend=-1))
