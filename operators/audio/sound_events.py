"""Sound events in time.

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
