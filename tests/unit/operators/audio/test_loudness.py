"""Loudness of known programmes."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest

from operators.audio.loudness import measure_loudness

HZ = 48_000


def sine(seconds: float, peak_dbfs: float, num_channels: int, frequency_hz: float = 997.0) -> np.ndarray:
    """(N, C) float32, the same in every channel."""
    times = np.arange(round(seconds * HZ)) / HZ
    wave = 10 ** (peak_dbfs / 20) * np.sin(2 * math.pi * frequency_hz * times)
    return np.repeat(wave.astype(np.float32)[:, None], num_channels, axis=1)


class TestMeasureLoudness:
    @pytest.mark.parametrize("peak_dbfs", [-23.0, -33.0, 0.0])
    def test_stereo_sine(self, peak_dbfs: float) -> None:
        """EBU Tech 3341: a sine of 1 kHz in both channels is as loud in LUFS as its peak in dBFS."""
        loudness = measure_loudness(sine(10.0, peak_dbfs, 2))

        assert loudness.integrated_lufs == pytest.approx(peak_dbfs, abs=0.1)
        assert loudness.peak_dbfs == pytest.approx(peak_dbfs, abs=0.01)

    def test_mono_is_three_decibels_less(self) -> None:
        """One channel carries half the power of two."""
        assert measure_loudness(sine(10.0, -20.0, 1)).integrated_lufs == pytest.approx(-23.0, abs=0.1)

    def test_quiet_parts_are_gated(self) -> None:
        """EBU Tech 3341, case 3: long quiet parts around a loud one do not count."""
        full_band = np.concatenate([sine(10.0, -36.0, 2), sine(60.0, -23.0, 2), sine(10.0, -36.0, 2)])

        assert measure_loudness(full_band).integrated_lufs == pytest.approx(-23.0, abs=0.1)

    @pytest.mark.parametrize("seconds", [0.0, 0.1, 0.39])
    def test_too_short(self, seconds: float) -> None:
        """Less than one gating block has no loudness."""
        assert measure_loudness(sine(seconds, -20.0, 2)).integrated_lufs is None

    def test_one_block(self) -> None:
        """One gating block is enough, and is as loud as any longer stretch of the same."""
        assert measure_loudness(sine(0.4, -20.0, 2)).integrated_lufs == pytest.approx(-20.0, abs=0.1)

    def test_silence(self) -> None:
        """Digital silence has neither loudness nor peak, where minus infinity would be no number for JSON."""
        loudness = measure_loudness(np.zeros((HZ, 2), np.float32))

        assert (None, None) == (loudness.integrated_lufs, loudness.peak_dbfs)

    def test_below_the_gate(self) -> None:
        """What never passes -70 LUFS is not measured, yet has a peak."""
        loudness = measure_loudness(sine(2.0, -80.0, 2))

        assert loudness.integrated_lufs is None
        assert loudness.peak_dbfs == pytest.approx(-80.0, abs=0.1)

    def test_full_band_audio_is_left_unchanged(self) -> None:
        """Shared memory may not be written."""
        full_band = sine(1.0, -20.0, 2)
        before = full_band.copy()
        full_band.setflags(write=False)

        assert measure_loudness(full_band).integrated_lufs == pytest.approx(-20.0, abs=0.1)
        assert (full_band == before).all()

    @pytest.mark.parametrize("seed", range(12))
    def test_equals_the_reference(self, seed: int) -> None:
        """Programmes of changing level, of any length, mono and stereo: as `pyloudnorm` measures them."""
        noise = np.random.default_rng(seed)
        length, num_channels = int(noise.integers(19_200, 480_000)), 1 + seed % 2
        levels = np.repeat(10 ** noise.uniform(-3.0, 0.0, length // 4_000 + 1), 4_000)[:length, None]
        full_band = (levels * noise.standard_normal((length, num_channels))).astype(np.float32)

        expected = pyloudnorm.Meter(HZ).integrated_loudness(full_band)

        assert measure_loudness(full_band).integrated_lufs == pytest.approx(expected, abs=1e-5)
