"""What added models of sound are given: any sample rate, windows, spectrograms, each made once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.model_input import AudioInput, LogMelInput
from operators.audio import log_mel as log_mel_module
from operators.audio import mono_sound, sound_items
from operators.audio.log_mel import log_mel
from operators.audio.mono_sound import sound_runs
from operators.media.tracks import AudioSpan, AudioTrack

SECONDS = 2
MEL = LogMelInput(
    kind="natural", num_mels=40, frame_samples=400, fft_samples=512, hop_samples=160, lowest_hz=0.0, highest_hz=8000.0,
    scale="htk", mean=0.0, std=1.0, num_frames=101, layout="time-mels", has_channel=False,
)  # fmt: skip


def tone(hz: float, num_channels: int = 2) -> AudioTrack:
    """Two spans of a tone: the second begins at 10 s."""
    full_band = 0.5 * np.sin(2 * np.pi * hz * np.arange(2 * SECONDS * 48_000) / 48_000).astype(np.float32)
    spans = (AudioSpan(0.0, 0, SECONDS * 16_000), AudioSpan(10.0, SECONDS * 16_000, SECONDS * 16_000))
    return AudioTrack(full_band[::3].copy(), np.repeat(full_band[:, None], num_channels, axis=1), spans)


def loudest_hz(samples: np.ndarray, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


class TestRates:
    @pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
    def test_a_tone_stays_what_it_is(self, rate_hz: int) -> None:
        """Pitch, level, length and time are those of the source."""
        runs = sound_runs(tone(1000.0), rate_hz)

        assert [(run.start_seconds, len(run.samples)) for run in runs] == [
            (0.0, SECONDS * rate_hz),
            (10.0, SECONDS * rate_hz),
        ]
        for run in runs:
            inner = run.samples[rate_hz // 10 : -rate_hz // 10]
            assert loudest_hz(inner, rate_hz) == pytest.approx(1000.0, abs=2.0)
            assert float(np.abs(inner).max()) == pytest.approx(0.5, abs=0.02)

    def test_what_a_rate_cannot_hold_is_left_out(self) -> None:
        """A tone of 10 kHz does not come back as another one at 8 kHz."""
        (first, _) = sound_runs(tone(10_000.0), 8_000)
        assert float(np.abs(first.samples[800:-800]).max()) < 0.01

    def test_channels_that_cancel_out_are_heard(self) -> None:
        """At every rate, as at 16 kHz."""
        track = tone(1000.0)
        track.full_band[:, 1] *= -1
        (first, _) = sound_runs(track, 8_000)
        assert float(np.abs(first.samples[800:-800]).max()) > 0.3

    def test_surround(self) -> None:
        """Six channels are mixed by their places; a sound in the low-frequency channel alone is heard."""
        track = tone(1000.0, num_channels=6)
        track.full_band[:, [0, 1, 2, 4, 5]] = 0.0
        gains = ((1.0, 0.0), (0.0, 1.0), (0.7, 0.7), (0.5, 0.5), (0.7, 0.0), (0.0, 0.7))
        (first, _) = sound_runs(replace(track, stereo_gains=gains), 8_000)
        assert float(np.abs(first.samples[800:-800]).max()) == pytest.approx(0.25, abs=0.02)

    def test_a_sound_of_one_sample(self) -> None:
        """Is an item, padded."""
        track = AudioTrack(np.ones(1, np.float32), np.ones((3, 1), np.float32), (AudioSpan(0.0, 0, 1),))
        how = AudioInput(800, 800, 8_000)
        (window,) = sound_items.sound_items(track, [how])[how]
        assert window.samples.shape == (800,)


class TestSharing:
    def test_each_input_is_made_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Six cards with two rates and two distinct spectrograms: each is made once a span, or once a window."""
        resampled, spectra = [], []
        at_rate, spectrum = mono_sound._resampled, log_mel_module.log_mel

        def counted_rate(mono: np.ndarray, *, rate_hz: int) -> np.ndarray:
            resampled.append(rate_hz)
            return at_rate(mono, rate_hz=rate_hz)

        def counted_spectrum(samples: np.ndarray, rate_hz: int, how: LogMelInput) -> np.ndarray:
            spectra.append(how.num_mels)
            return spectrum(samples, rate_hz, how)

        monkeypatch.setattr(mono_sound, "_resampled", counted_rate)
        monkeypatch.setattr(sound_items, "log_mel", counted_spectrum)
        other = replace(MEL, num_mels=32)
        plain = AudioInput(8_000, 8_000, 8_000)
        wanted = [plain, plain, AudioInput(16_000, 16_000, 22_050), AudioInput(16_000, 16_000, 16_000, MEL)]
        wanted += [AudioInput(16_000, 16_000, 16_000, MEL), AudioInput(16_000, 16_000, 16_000, other)]
        found = sound_items.sound_items(tone(1000.0), wanted)

        assert sorted(resampled) == [8_000, 8_000, 22_050, 22_050]
        assert sorted(spectra) == [32] * 4 + [40] * 4
        assert len(found) == 4

    def test_windows_share_their_samples(self) -> None:
        """Windows that overlap do not multiply the memory of the sound."""
        how = AudioInput(8_000, 1_000, 8_000)
        windows = sound_items.sound_items(tone(1000.0), [how])[how]
        assert np.shares_memory(windows[0].samples, windows[1].samples)
        assert [window.span.start_seconds for window in windows[:3]] == [0.0, 0.125, 0.25]


class TestSpectrograms:
    @pytest.mark.parametrize("kind", ["natural", "decibel", "whisper"])
    def test_a_tone_is_where_it_belongs(self, kind: str) -> None:
        """The loudest band is the one of its pitch, at every moment."""
        how = replace(MEL, kind=kind, scale="slaney" if kind == "whisper" else "htk")
        sound = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
        found = log_mel(sound, 16_000, replace(how, num_frames=100))
        low = log_mel(sound / 4, 16_000, replace(how, num_frames=100))

        assert found.dtype == np.float32
        assert len(set(found.argmax(axis=1)[2:-2].tolist())) == 1
        step = float((found - low)[50].max())
        assert step == pytest.approx({"natural": 2.77, "decibel": 12.04, "whisper": 0.30}[kind], abs=0.01)

    def test_layout(self) -> None:
        """Short ones are padded with what the mean makes of zero, long ones cut, the axes as the card says."""
        sound = np.zeros(16_000, np.float32)
        padded = log_mel(sound, 16_000, replace(MEL, num_frames=110, mean=1.0, std=2.0, has_channel=True))
        cut = log_mel(sound, 16_000, replace(MEL, num_frames=50, layout="mels-time"))

        assert (padded.shape, cut.shape) == ((1, 110, 40), (40, 50))
        assert padded[0, 101:].tolist() == [[-0.5] * 40] * 9
        assert np.isfinite(padded).all()
