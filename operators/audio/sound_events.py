"""What is heard: events in time, how much music, how much silence.

Classes are those of AudioSet (J. F. Gemmeke et al., ICASSP 2017), whose scores are independent of each other.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np

from operators.audio.windows import SoundWindow
from operators.segments import runs_above

EVENT_FLOOR = 0.3
"""From this score on a sound is an event."""
MAX_EVENTS = 30
MUSIC_FLOOR = 0.3
SILENCE_FLOOR = 0.5
SILENT_DBFS = -60.0
"""Root mean square below which a window is silent whatever the model says."""

_FIRST_MUSIC, _LAST_MUSIC = "Music", "Scary music"
"""AudioSet's list keeps the subtree `Music` (instruments, genres, roles, moods) in one piece."""
_NOT_MUSIC = frozenset(
    ("Bell", "Church bell", "Jingle bell", "Bicycle bell", "Chime", "Wind chime", "Change ringing (campanology)")
)
"""In that piece, but heard in the street as well."""
_ALSO_MUSIC = frozenset(("Singing", "Choir", "Child singing", "Synthetic singing", "Rapping"))
"""AudioSet keeps these under human voice."""

Event = dict[str, str | float]
"""`{name, score, start_seconds, end_seconds}`."""


def sound_events(windows: Sequence[SoundWindow], scores: np.ndarray, names: Sequence[str]) -> list[Event]:
    """Runs of windows in which one sound is heard, best first, at most `MAX_EVENTS`.

    Args:
        windows: N of them, by start.
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
    """Share of windows in which any sound of the music family scores at least `MUSIC_FLOOR`; arguments as above."""
    return float((scores[:, music_columns(names)].max(axis=1) >= MUSIC_FLOOR).mean())


def silence_ratio(windows: Sequence[SoundWindow], scores: np.ndarray, names: Sequence[str]) -> float:
    """Share of windows that the model calls silence or that are too quiet for anybody; arguments as above."""
    is_silence = scores[:, names.index("Silence")] >= SILENCE_FLOOR
    is_quiet = np.array([_rms_dbfs(window.samples) < SILENT_DBFS for window in windows])
    return float((is_silence | is_quiet).mean())


def music_columns(names: Sequence[str]) -> list[int]:
    """Columns of the music family: AudioSet's subtree `Music` without bells and chimes, and singing."""
    subtree = range(names.index(_FIRST_MUSIC), names.index(_LAST_MUSIC) + 1)
    return [
        column
        for column, name in enumerate(names)
        if name in _ALSO_MUSIC or (column in subtree and name not in _NOT_MUSIC)
    ]


def _rms_dbfs(samples: np.ndarray) -> float:
    """Level of (N,) float32; a window of zeros is far below everything."""
    mean_square = float(np.dot(samples, samples)) / len(samples)
    return 10.0 * math.log10(max(mean_square, sys.float_info.min))
