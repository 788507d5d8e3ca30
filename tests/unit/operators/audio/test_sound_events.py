"""Events, music and cues of violence."""

from __future__ import annotations

import numpy as np
import pytest

from models.card_registry import CARDS
from operators.audio.sound_events import MAX_EVENTS, music_columns, music_ratio, sound_events
from operators.audio.violence_cues import violence_cues
from operators.audio.windows import SoundWindow
from operators.segments import TimeSpan

NAMES = (
    "Speech",
    "Singing",
    "Music",
    "Guitar",
    "Church bell",
    "Scary music",
    "Wind",
    "Silence",
    "Gunshot, gunfire",
    "Machine gun",
    "Fusillade",
    "Artillery fire",
    "Explosion",
    "Screaming",
    "Groan",
    "Yell",
    "Wail, moan",
    "Whimper",
    "Crying, sobbing",
    "Siren",
    "Civil defense siren",
    "Police car (siren)",
    "Ambulance (siren)",
    "Fire engine, fire truck (siren)",
)
"""In AudioSet's order as far as it matters: what lies between `Music` and `Scary music` is its subtree."""


def windows_of(levels: list[float]) -> list[SoundWindow]:
    """One window a second of constant level each."""
    return [
        SoundWindow(TimeSpan(float(second), second + 1.0), np.full(15_600, level, np.float32))
        for second, level in enumerate(levels)
    ]


def scores_of(*rows: dict[str, float]) -> np.ndarray:
    """(N, K) float32, zero where a row says nothing."""
    return np.array([[row.get(name, 0.0) for name in NAMES] for row in rows], np.float32)


class TestSoundEvents:
    def test_runs(self) -> None:
        """A sound in neighbouring windows is one event, with its peak; the best event stands first."""
        scores = scores_of({"Speech": 0.9, "Wind": 0.31}, {"Speech": 0.7}, {"Wind": 0.95}, {"Speech": 0.4})

        events = sound_events(windows_of([0.1] * 4), scores, NAMES)

        assert [("Wind", 2.0, 3.0), ("Speech", 0.0, 2.0), ("Speech", 3.0, 4.0), ("Wind", 0.0, 1.0)] == [
            (event["name"], event["start_seconds"], event["end_seconds"]) for event in events
        ]
        assert [0.95, 0.9, 0.4, 0.31] == [round(float(event["score"]), 6) for event in events]

    def test_gap_ends_an_event(self) -> None:
        """What is heard before and after a gap is two events."""
        silence = np.zeros(15_600, np.float32)
        windows = [SoundWindow(TimeSpan(0.0, 1.0), silence), SoundWindow(TimeSpan(60.0, 61.0), silence)]

        assert len(sound_events(windows, scores_of({"Wind": 0.9}, {"Wind": 0.9}), NAMES)) == 2

    def test_limit(self) -> None:
        """However much is heard, a signal stays small."""
        scores = scores_of(*({"Wind": 0.9 if second % 2 else 0.0} for second in range(100)))

        assert MAX_EVENTS == len(sound_events(windows_of([0.1] * 100), scores, NAMES))


class TestMusicRatio:
    def test_family(self) -> None:
        """Instruments, genres and singing are music; bells and whatever stands behind are not."""
        assert ["Singing", "Music", "Guitar", "Scary music"] == [NAMES[column] for column in music_columns(NAMES)]

    def test_share_of_windows(self) -> None:
        """A window is musical from 0.3 on in any sound of the family."""
        scores = scores_of({"Guitar": 0.3}, {"Music": 0.29}, {"Singing": 0.8}, {"Church bell": 0.9})

        assert music_ratio(scores, NAMES) == 0.5


class TestViolenceCues:
    def test_labels_of_the_card(self) -> None:
        """Each label takes the strongest of its sounds, and the times above the floor."""
        scores = scores_of({"Gunshot, gunfire": 0.2, "Machine gun": 0.6}, {"Fusillade": 0.3}, {"Explosion": 0.05})

        cues = {
            cue.label.rsplit("/", 1)[1]: cue
            for cue in violence_cues(CARDS["yamnet"], NAMES, scores, windows_of([0.5] * 3))
        }

        assert {"gunfire-heard", "explosion-heard", "screaming-heard", "cries-heard", "siren-heard"} == set(cues)
        (shots,) = cues["gunfire-heard"].segments
        assert (0.0, 2.0) == (shots.start_seconds, shots.end_seconds)
        assert shots.score == pytest.approx(0.6)
        assert cues["explosion-heard"].score == pytest.approx(0.05)
        assert cues["explosion-heard"].segments == ()
