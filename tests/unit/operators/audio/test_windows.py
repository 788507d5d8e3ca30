"""How sound is cut into windows, and how answers join again."""

from __future__ import annotations

import numpy as np
import pytest

from models.silero_vad import CHUNK_SAMPLES, WARM_UP_CHUNKS, WINDOW_CHUNKS
from models.silero_vad import WINDOW_SAMPLES as VAD_WINDOW_SAMPLES
from models.yamnet import WINDOW_SAMPLES
from operators.audio.vad_windows import join_probabilities, vad_windows
from operators.audio.windows import HOP_SAMPLES, sound_windows, windows_between
from operators.media.tracks import AudioSpan, AudioTrack


def track_of(*spans: tuple[float, int]) -> AudioTrack:
    """Spans of (start_seconds, num_samples); every sample's value is its index in the track over its length."""
    total = sum(num_samples for _, num_samples in spans)
    firsts = np.cumsum([0, *(num_samples for _, num_samples in spans)])
    return AudioTrack(
        speech=np.arange(total, dtype=np.float32) / max(total, 1),
        full_band=np.zeros((3 * total, 1), np.float32),
        spans=tuple(AudioSpan(start, int(first), n) for (start, n), first in zip(spans, firsts[:-1], strict=True)),
    )


class TestSoundWindows:
    @pytest.mark.parametrize(
        ("num_samples", "num_windows"),
        [
            (1, 1),
            (WINDOW_SAMPLES, 1),
            (WINDOW_SAMPLES + 1, 2),
            (WINDOW_SAMPLES + HOP_SAMPLES, 2),
            (WINDOW_SAMPLES + HOP_SAMPLES + 1, 3),
            (160_000, 11),
        ],
    )
    def test_every_sample_is_heard(self, num_samples: int, num_windows: int) -> None:
        """The windows together hold every sample of the span, and no more of them are made than that takes."""
        windows = sound_windows(track_of((0.0, num_samples)))

        heard = np.unique(np.concatenate([window.samples for window in windows]))
        assert num_windows == len(windows)
        assert all(window.samples.shape == (WINDOW_SAMPLES,) for window in windows)
        assert num_samples <= len(heard)
        assert windows[-1].span.end_seconds == pytest.approx(num_samples / 16_000)

    def test_last_window_is_moved_back(self) -> None:
        """It ends with the span instead of being padded."""
        track = track_of((0.0, 20_000))

        assert np.array_equal(track.speech[-WINDOW_SAMPLES:], sound_windows(track)[-1].samples)

    def test_short_span_is_padded(self) -> None:
        """Sound shorter than a window is followed by zeros; the span tells how long it really is."""
        (window,) = sound_windows(track_of((2.0, 1_600)))

        assert not window.samples[1_600:].any()
        assert (2.0, 2.1) == (window.span.start_seconds, window.span.end_seconds)

    def test_no_window_over_a_gap(self) -> None:
        """Each span is cut by itself, at its own time."""
        track = track_of((0.0, 20_000), (60.0, 5_000))
        windows = sound_windows(track)

        assert [0.0, (20_000 - WINDOW_SAMPLES) / 16_000, 60.0] == [window.span.start_seconds for window in windows]
        assert np.array_equal(track.speech[20_000:], windows[2].samples[:5_000])

    def test_nothing(self) -> None:
        """No sound, no windows."""
        assert sound_windows(track_of()) == ()
        assert sound_windows(track_of((0.0, 0))) == ()


class TestWindowsBetween:
    def test_around_suspects(self) -> None:
        """Half a hop before and behind a suspect window, and nowhere else."""
        track = track_of((0.0, WINDOW_SAMPLES + 4 * HOP_SAMPLES))
        windows = sound_windows(track)
        assert len(windows) == 5

        between = windows_between(track, windows, np.array([False, False, True, False, False]))

        assert [window.span.start_seconds for window in between] == pytest.approx([1.44, 2.4])
        assert np.array_equal(between[0].samples, track.speech[round(1.5 * HOP_SAMPLES) :][:WINDOW_SAMPLES])

    def test_none_twice(self) -> None:
        """Where all are suspect, every window between is returned once, and none that exists; none over a gap."""
        track = track_of((0.0, WINDOW_SAMPLES + 2 * HOP_SAMPLES), (60.0, 20_000), (90.0, 100))
        windows = sound_windows(track)

        between = windows_between(track, windows, np.ones(len(windows), bool))

        assert [window.span.start_seconds for window in between] == pytest.approx([0.48, 1.44])

    def test_no_suspect(self) -> None:
        """Nothing more is looked at."""
        track = track_of((0.0, 160_000))
        windows = sound_windows(track)
        assert windows_between(track, windows, np.zeros(len(windows), bool)) == ()


class TestVadWindows:
    LENGTHS = (1, CHUNK_SAMPLES, VAD_WINDOW_SAMPLES, VAD_WINDOW_SAMPLES + 1, 480_000, 1_000_003)

    @pytest.mark.parametrize("num_samples", LENGTHS)
    def test_answers_join_without_seam(self, num_samples: int) -> None:
        """A model that answers with the number of each chunk gives them back in order, each once."""
        track = track_of((0.0, num_samples))

        (joined,) = join_probabilities(track, [numbered(window, num_samples) for window in vad_windows(track)])

        num_chunks = -(-num_samples // CHUNK_SAMPLES)
        assert list(range(num_chunks)) == joined.probabilities.tolist()
        assert joined.end_seconds == pytest.approx(num_samples / 16_000)

    def test_gap(self) -> None:
        """Spans are scored apart, each from its own beginning."""
        track = track_of((0.0, 100_000), (60.0, 40_000))
        answers = [np.full(WINDOW_CHUNKS, index, np.float32) for index, _ in enumerate(vad_windows(track))]

        first, second = join_probabilities(track, answers)

        assert (0.0, 60.0) == (first.start_seconds, second.start_seconds)
        assert (-(-100_000 // CHUNK_SAMPLES), -(-40_000 // CHUNK_SAMPLES)) == (
            len(first.probabilities),
            len(second.probabilities),
        )
        assert WINDOW_CHUNKS == int((first.probabilities == 0).sum())
        assert {2.0} == set(second.probabilities.tolist())

    def test_nothing(self) -> None:
        """No sound, no windows, no answers."""
        assert vad_windows(track_of((0.0, 0))) == ()
        assert join_probabilities(track_of((0.0, 0)), []) == ()


def numbered(window: np.ndarray, num_samples: int) -> np.ndarray:
    """The number of each chunk of a window as the ramp of `track_of` tells it; zeros where it warms up cold."""
    first = round(float(window[0]) * num_samples)
    chunks = first // CHUNK_SAMPLES + np.arange(WINDOW_CHUNKS)
    return np.where(np.arange(WINDOW_CHUNKS) < (WARM_UP_CHUNKS if first else 0), -1, chunks)
