"""The share of music: alone, and under a voice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from operators.audio.music import MUSIC_FLOOR, MUSIC_FLOOR_UNDER_VOICE, music_columns, music_ratio
from operators.audio.windows import SoundWindow
from operators.segments import TimeSpan

NAMES = ("Speech", "Singing", "Music", "Guitar", "Church bell", "Scary music", "Wind")
"""In AudioSet's order as far as it matters: what is between `Music` and `Scary music` is its subtree."""
LOW = MUSIC_FLOOR_UNDER_VOICE
ALL_THE_TIME = (TimeSpan(0.0, 1000.0),)


def ratio(scores: Sequence[float], voices: Sequence[TimeSpan] = (), starts: Sequence[float] = ()) -> float:
    """Share of one window a second with these scores of music."""
    windows = [
        SoundWindow(TimeSpan(start, start + 1.0), np.zeros(4, np.float32))
        for start in (starts or map(float, range(len(scores))))
    ]
    table = np.zeros((len(scores), len(NAMES)), np.float32)
    table[:, NAMES.index("Music")] = scores
    return music_ratio(windows, table, NAMES, voices)


def test_family() -> None:
    """Instruments, genres and singing are music; bells and whatever stands behind are not."""
    assert ["Singing", "Music", "Guitar", "Scary music"] == [NAMES[column] for column in music_columns(NAMES)]


def test_alone() -> None:
    """Without a voice, a window is musical from 0.3 on, whatever its neighbours are."""
    assert ratio([MUSIC_FLOOR, 0.29, 0.8, 0.0]) == 0.5


def test_under_a_voice() -> None:
    """Where somebody talks, music that goes on is heard at a low score; a single window of it is not."""
    assert ratio([LOW] * 6, ALL_THE_TIME) == 1.0
    assert ratio([LOW] * 6) == 0.0
    assert ratio([0.0, 0.0, 0.0, LOW, 0.0, 0.0, 0.0], ALL_THE_TIME) == 0.0
    assert ratio([LOW, 0.0, 0.0, 0.0, LOW, 0.0], ALL_THE_TIME) == pytest.approx(1 / 6)


def test_only_where_the_voice_is() -> None:
    """Music that ends before somebody talks goes on for as long as the neighbours reach, and faint music alone does
    not count."""
    voice = (TimeSpan(5.0, 10.0),)
    assert ratio([0.9] * 5 + [0.0] * 5, voice) == pytest.approx(0.6)
    assert ratio([LOW] * 10, voice) == pytest.approx(0.5)


def test_short_words() -> None:
    """A window with less than a quarter of a second of a voice has none."""
    assert ratio([LOW] * 4, [TimeSpan(at, at + 0.2) for at in (0.1, 1.1, 2.1, 3.1)]) == 0.0
    assert ratio([LOW] * 4, [TimeSpan(at, at + 0.15) for at in (0.1, 0.4, 1.1, 1.4)]) == pytest.approx(0.5)


def test_gap() -> None:
    """What is heard before a stretch that was not analysed says nothing of what is behind."""
    assert ratio([0.9, 0.9, 0.0, 0.0], ALL_THE_TIME, starts=[0.0, 1.0, 60.0, 61.0]) == 0.5
    assert ratio([LOW], ALL_THE_TIME) == 0.0
