"""Windows of speech, and the way back from their times."""

from __future__ import annotations

import numpy as np
import pytest

from operators.audio.speech.packing import SpeechWindow, speech_windows
from operators.media.tracks import AudioSpan, AudioTrack
from operators.segments import TimeSpan


def track(*spans: tuple[float, float]) -> AudioTrack:
    """Sound whose samples count from 0 on, in spans of start and length in seconds."""
    found, first = [], 0
    for start, length in spans:
        found.append(AudioSpan(start, first, round(length * 16_000)))
        first += round(length * 16_000)
    return AudioTrack(np.arange(first, dtype=np.float32), np.zeros((3 * first, 1), np.float32), tuple(found))


def windows_of(
    sound: AudioTrack, *voices: tuple[float, float], budget: float = 30.0, name: str = "v"
) -> list[SpeechWindow]:
    return list(speech_windows(sound, [TimeSpan(*voice) for voice in voices], name, budget))


class TestPacking:
    def test_pauses_go_and_margins_stay(self) -> None:
        """Two voices with a long pause stand next to each other; two with a short one stay as they are."""
        (window,) = windows_of(track((0.0, 60.0)), (10.0, 12.0), (12.3, 13.0), (50.0, 51.0))

        assert [(piece.start_seconds, round(piece.length_seconds, 3)) for piece in window.pieces] == [
            (9.8, 3.4),
            (49.8, 1.4),
        ]
        assert (len(window.samples), window.samples[0], window.samples[-1]) == (480_000, 9.8 * 16_000, 0.0)

    def test_no_piece_reaches_over_a_gap(self) -> None:
        """What was not decoded is not joined with what was."""
        (window,) = windows_of(track((0.0, 5.0), (100.0, 5.0)), (4.0, 5.0), (100.0, 101.0))

        assert [piece.start_seconds for piece in window.pieces] == [3.8, 100.0]
        assert window.pieces[1].samples[0] == 5 * 16_000

    def test_nothing_without_a_voice(self) -> None:
        """No voice, no window."""
        assert windows_of(track((0.0, 5.0))) == []

    def test_a_larger_budget_has_more_windows(self) -> None:
        """None longer than 30 s, and nothing twice."""
        found = windows_of(track((0.0, 100.0)), (1.0, 99.0), budget=3600.0)

        assert [round(window.length_seconds, 3) for window in found] == [30.0, 30.0, 30.0, 8.4]
        assert [window.pieces[0].start_seconds for window in found] == pytest.approx([0.8, 30.8, 60.8, 90.8])


class TestBudget:
    def test_the_stretch_depends_on_the_id_alone(self) -> None:
        """The same for the same video, and for many videos all over the sound."""
        sound = track((0.0, 300.0))
        starts = {
            name: windows_of(sound, (0.0, 300.0), name=name)[0].pieces[0].start_seconds for name in map(str, range(40))
        }

        assert starts == {
            name: windows_of(sound, (0.0, 300.0), name=name)[0].pieces[0].start_seconds for name in starts
        }
        assert min(starts.values()) < 40 < 230 < max(starts.values()) <= 270

    def test_is_kept(self) -> None:
        """Exactly as long as the budget, where there is more to hear."""
        (window,) = windows_of(track((0.0, 300.0)), *((n, n + 5.0) for n in range(0, 300, 10)), budget=12.0)

        assert window.length_seconds == pytest.approx(12.0)


class TestTimes:
    def test_lead_back_to_the_video(self) -> None:
        """A time in the second piece is one of the second voice, also at its end."""
        (window,) = windows_of(track((0.0, 60.0)), (10.0, 12.0), (50.0, 51.0))

        assert window.span(0.0, 1.0) == TimeSpan(9.8, 10.8)
        assert window.span(2.0, 2.4) == TimeSpan(11.8, pytest.approx(12.2))  # type: ignore[arg-type]
        later = window.span(2.9, 99.0)
        assert (later.start_seconds, later.end_seconds) == (pytest.approx(50.3), pytest.approx(51.2))
