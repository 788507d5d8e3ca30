"""Sound events in time, and the share of music.

Classes are those of AudioSet (J. F. Gemmeke et al., ICASSP 2017), whose scores are independent of each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.audio.windows import SoundWindow
from operators.segments import runs_above

EVENT_FLOOR = 0.3
"""A sound with at least this score is an event."""
MAX_EVENTS = 30
MUSIC_FLOOR = 0.3

_FIRST_MUSIC, _LAST_MUSIC = "Music", "Scary music"
"""First and last class of AudioSet's subtree `Music` (instruments, genres, roles, moods), which is contiguous in the
list."""
_NOT_MUSIC = frozenset(
    ("Bell", "Church bell", "Jingle bell", "Bicycle bell", "Chime", "Wind chime", "Change ringing (campanology)")
)
"""Classes of that subtree that also occur outside of music."""
_ALSO_MUSIC = frozenset(("Singing", "Choir", "Child singing", "Synthetic singing", "Rapping"))
"""Classes of music that AudioSet lists under human voice."""

Event = dict[str, str | float]
"""`{name, score, start_seconds, end_seconds}`."""


def sound_events(windows: Sequence[SoundWindow], scores: np.ndarray, names: Sequence[str]) -> list[Event]:
    """Return runs of windows with one sound, best first, at most `MAX_EVENTS`.

    Args:
        windows: N windows, by start.
        scores: (N, K) float32 in [0, 1].
        names: K class names.
    """
    spans = [window.span for window in windows]
    events: list[Event] = [
        {
            "name": names[column],
            "score": run.score,
            "start_seconds": run.start_seconds,
            "end_seconds": run.end_seconds,
        }
        for column in map(int, np.flatnonzero((scores >= EVENT_FLOOR).any(axis=0)))
        for run in runs_above(spans, scores[:, column], EVENT_FLOOR)
    ]
    return sorted(events, key=lambda event: (-float(event["score"]), str(event["name"])))[:MAX_EVENTS]


def music_ratio(scores: np.ndarray, names: Sequence[str]) -> float:
    """Return the share of windows in which any class of the music family scores at least `MUSIC_FLOOR`; arguments as
    above."""
    return float((scores[:, music_columns(names)].max(axis=1) >= MUSIC_FLOOR).mean())


def music_columns(names: Sequence[str]) -> list[int]:
    """Return the columns of the music family: AudioSet's subtree `Music` without bells and chimes, and singing."""
    subtree = range(names.index(_FIRST_MUSIC), names.index(_LAST_MUSIC) + 1)
    return [
        column
        for column, name in enumerate(names)
        if name in _ALSO_MUSIC or (column in subtree and name not in _NOT_MUSIC)
    ]
