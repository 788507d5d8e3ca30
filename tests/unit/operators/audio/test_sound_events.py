"""Events and cues of violence."""

from __future__ import annotations

import numpy as np
import pytest

from models.card_registry import CARDS
from operators.audio.sound_events import MAX_EVENTS, sound_events
from operators.audio.violence_cues import SUSPECT_SCORE, suspect_windows, violence_cues
from operators.audio.windows import SoundWindow
from operators.segments import TimeSpan
from streams.decision.policy_file import load_policy

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
    "Siren",
    "Civil defense siren",
    "Police car (siren)",
    "Ambulance (siren)",
    "Fire engine, fire truck (siren)",
)
"""In AudioSet's order as far as it matters: what is between `Music` and `Scary music` is its subtree."""


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

    def test_any_order(self) -> None:
        """Windows that were looked at later stand between the others: one run, whatever their order."""
        first, last, between = (SoundWindow(TimeSpan(start, start + 1.0), np.zeros(4)) for start in (0.0, 1.0, 0.5))
        scores = scores_of({"Siren": 0.3}, {"Siren": 0.4}, {"Siren": 0.9})

        cues = violence_cues(CARDS["yamnet"], NAMES, scores, [first, last, between])

        (siren,) = (cue for cue in cues if cue.label.endswith("siren-heard"))
        assert [(run.start_seconds, run.end_seconds) for run in siren.segments] == [(0.0, 2.0)]
        assert siren.score == pytest.approx(0.9)

    def test_suspects(self) -> None:
        """A window is suspect by any sound of a label, however low, and by no other sound."""
        scores = scores_of({"Speech": 0.9}, {"Groan": SUSPECT_SCORE}, {"Explosion": 0.04}, {"Fusillade": 0.6})

        assert suspect_windows(CARDS["yamnet"], NAMES, scores).tolist() == [False, True, False, True]

    def test_cries_never_limit(self) -> None:
        """Of groans and cries the default policy makes a review, never a limit; of sirens nothing."""
        policy = load_policy(None)
        cries = policy.rule_for("violence/distress/cries-heard")
        siren = policy.rule_for("violence/emergency/siren-heard")
        assert cries is not None and list(cries.thresholds) == ["review"]
        assert siren is not None and not siren.thresholds
