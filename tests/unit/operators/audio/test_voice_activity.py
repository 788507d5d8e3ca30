"""From probabilities of speech to segments."""

from __future__ import annotations

import numpy as np
import pytest

from operators.audio.vad_windows import CHUNK_SECONDS, VoiceProbabilities
from operators.audio.voice_activity import SPEECH_SCORE, speech_ratio, speech_times, voice_segments
from operators.audio.windows import SoundWindow
from operators.segments import TimeSpan


def probabilities(*runs: tuple[float, int], start_seconds: float = 0.0) -> VoiceProbabilities:
    """Runs of (probability, number of chunks)."""
    values = np.concatenate([np.full(length, probability, np.float32) for probability, length in runs])
    return VoiceProbabilities(start_seconds, start_seconds + len(values) * CHUNK_SECONDS, values)


def chunks_of(spans: VoiceProbabilities) -> list[tuple[int, int]]:
    """Segments in chunks from the start of the span."""
    return [
        (
            round((segment.start_seconds - spans.start_seconds) / CHUNK_SECONDS),
            round((segment.end_seconds - spans.start_seconds) / CHUNK_SECONDS),
        )
        for segment in voice_segments([spans])
    ]


class TestVoiceSegments:
    @pytest.mark.parametrize(
        ("runs", "expected"),
        [
            (((0.1, 20), (0.9, 20), (0.1, 20)), [(20, 40)]),
            (((0.9, 20),), [(0, 20)]),
            (((0.1, 50),), []),
            (((0.1, 10), (0.9, 7), (0.1, 10)), []),
            (((0.1, 10), (0.9, 8), (0.1, 10)), [(10, 18)]),
            (((0.9, 10), (0.1, 3), (0.9, 10)), [(0, 23)]),
            (((0.9, 10), (0.1, 4), (0.9, 10)), [(0, 10), (14, 24)]),
            (((0.9, 10), (0.4, 30), (0.9, 10)), [(0, 50)]),
            (((0.4, 30), (0.9, 10)), [(30, 40)]),
            (((0.9, 10), (0.1, 2)), [(0, 10)]),
        ],
        ids=[
            "one voice",
            "voice throughout",
            "no voice",
            "shorter than 0.25 s",
            "just long enough",
            "pause shorter than 0.1 s",
            "pause long enough",
            "between the thresholds a voice goes on",
            "between the thresholds none begins",
            "ends in a pause",
        ],
    )
    def test_runs(self, runs: tuple[tuple[float, int], ...], expected: list[tuple[int, int]]) -> None:
        """Two thresholds, a shortest voice and a shortest pause decide."""
        assert expected == chunks_of(probabilities(*runs))

    def test_later_span(self) -> None:
        """Times are those of the video, and end with the span although its last chunk reaches past it."""
        span = VoiceProbabilities(60.0, 61.0, np.full(32, 0.9, np.float32))

        (segment,) = voice_segments([span])

        assert (60.0, 61.0) == (segment.start_seconds, segment.end_seconds)


class TestConfirmed:
    def test_whisper(self) -> None:
        """A low probability is a voice where the other model hears speech, and only there."""
        whisper = probabilities((0.25, 100))
        heard = (TimeSpan(20 * CHUNK_SECONDS, 60 * CHUNK_SECONDS),)

        assert voice_segments([whisper]) == ()
        (segment,) = voice_segments([whisper], heard)
        assert segment.start_seconds == pytest.approx(20 * CHUNK_SECONDS)
        assert segment.end_seconds == pytest.approx(60 * CHUNK_SECONDS, abs=2 * CHUNK_SECONDS)

    def test_no_voice_at_all(self) -> None:
        """What the voice model excludes is no voice, whatever the other says."""
        assert voice_segments([probabilities((0.05, 100))], [TimeSpan(0.0, 10.0)]) == ()

    def test_speech_times(self) -> None:
        """Windows in which any class of speech reaches the score."""
        windows = [SoundWindow(TimeSpan(at, at + 1.0), np.zeros(4, np.float32)) for at in (0.0, 1.0, 2.0)]
        scores = np.array([[SPEECH_SCORE, 0.0, 0.0], [0.0, 0.9, 0.0], [0.1, 0.0, SPEECH_SCORE]], np.float32)

        assert speech_times(windows, scores, ("Speech", "Music", "Whispering")) == (windows[0].span, windows[2].span)


class TestSpeechRatio:
    def test_share_of_analysed_time(self) -> None:
        """Gaps between spans do not count."""
        spans = [probabilities((0.9, 50), (0.1, 50)), probabilities((0.1, 100), start_seconds=60.0)]

        assert speech_ratio(voice_segments(spans), spans) == pytest.approx(0.25)

    def test_nothing_analysed(self) -> None:
        """No sound, no speech."""
        assert speech_ratio([], []) == 0.0
