"""The share of music, also of music that somebody talks over.

A sound classifier gives a voice most of the score, so music under a voice scores far below music alone. But it goes on:
where there is a voice, two of five neighbouring windows above a low floor are music. The floors were chosen
on the evaluation set `sounds-fitted`; see decision 0045.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.audio.windows import SoundWindow
from operators.segments import TimeSpan

MUSIC_FLOOR = 0.3
"""A window with at least this score in any class of music is musical."""
MUSIC_FLOOR_UNDER_VOICE = 0.02
"""Of windows with a voice; reached by two of the window and its neighbours."""
MIN_VOICE_RATIO = 0.25
"""A window with a voice has one in at least this share of its time."""

_NEIGHBOURS = 2
"""On each side: about two seconds."""
_FIRST_MUSIC, _LAST_MUSIC = "Music", "Scary music"
"""First and last class of AudioSet's subtree `Music` (instruments, genres, roles, moods), which is contiguous in the
list."""
_NOT_MUSIC = frozenset(
    ("Bell", "Church bell", "Jingle bell", "Bicycle bell", "Chime", "Wind chime", "Change ringing (campanology)")
)
"""Classes of that subtree that also occur outside of music."""
_ALSO_MUSIC = frozenset(("Singing", "Choir", "Child singing", "Synthetic singing", "Rapping"))
"""Classes of music that AudioSet lists under human voice."""


def music_ratio(
    windows: Sequence[SoundWindow], scores: np.ndarray, names: Sequence[str], voices: Sequence[TimeSpan]
) -> float:
    """Return the share of windows with music.

    Args:
        windows: N windows, by start, at equal distances within a run.
        scores: (N, K) float32 in [0, 1].
        names: K class names.
        voices: times with a voice, ascending.
    """
    spans = [window.span for window in windows]
    musical = scores[:, music_columns(names)].max(axis=1)
    goes_on = _second_highest_around(musical, _runs(spans)) >= MUSIC_FLOOR_UNDER_VOICE
    has_voice = np.array([_overlap_ratio(span, voices) >= MIN_VOICE_RATIO for span in spans])
    return float(((musical >= MUSIC_FLOOR) | (goes_on & has_voice)).mean())


def music_columns(names: Sequence[str]) -> list[int]:
    """Return the columns of the music family: AudioSet's subtree `Music` without bells and chimes, and singing."""
    subtree = range(names.index(_FIRST_MUSIC), names.index(_LAST_MUSIC) + 1)
    return [
        column
        for column, name in enumerate(names)
        if name in _ALSO_MUSIC or (column in subtree and name not in _NOT_MUSIC)
    ]


def _runs(spans: Sequence[TimeSpan]) -> np.ndarray:
    """(N,) number of each window's run without a gap."""
    begins = [index > 0 and span.start_seconds > spans[index - 1].end_seconds for index, span in enumerate(spans)]
    return np.cumsum(begins)


def _second_highest_around(scores: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """(N,) second highest score of each window and its neighbours of the same run; below 0 if it has none."""
    padding = (_NEIGHBOURS, _NEIGHBOURS)
    width = 2 * _NEIGHBOURS + 1
    around = np.lib.stride_tricks.sliding_window_view(np.pad(scores, padding, constant_values=-1.0), width)
    of_runs = np.lib.stride_tricks.sliding_window_view(np.pad(runs, padding, constant_values=-1), width)
    return np.asarray(np.sort(np.where(of_runs == runs[:, np.newaxis], around, -1.0), axis=1)[:, -2])


def _overlap_ratio(span: TimeSpan, voices: Sequence[TimeSpan]) -> float:
    overlaps = (
        min(span.end_seconds, voice.end_seconds) - max(span.start_seconds, voice.start_seconds) for voice in voices
    )
    return sum(overlap for overlap in overlaps if overlap > 0) / (span.end_seconds - span.start_seconds)
