"""Silence by level, not by what a model takes for silence."""

from __future__ import annotations

import numpy as np
import pytest

from operators.audio.silence import silence_ratio
from operators.media.tracks import AudioSpan, AudioTrack

HZ = 16_000


def track_of(*runs: np.ndarray) -> AudioTrack:
    """Sound with a gap of a minute between two runs."""
    speech = np.concatenate(runs).astype(np.float32)
    firsts = np.cumsum([0, *(len(run) for run in runs)])
    spans = tuple(AudioSpan(60.0 * n, int(firsts[n]), len(run)) for n, run in enumerate(runs))
    return AudioTrack(speech, np.repeat(speech, 3)[:, np.newaxis], spans)


def noise(level_dbfs: float, seconds: float = 4.0) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(round(seconds * HZ)) * 10 ** (level_dbfs / 20)


def beeps(seconds: float, of_seconds: float = 1.0, times: int = 8) -> np.ndarray:
    """So many beeps, each followed by digital silence."""
    at = np.arange(round(of_seconds * HZ)) / HZ
    return np.tile(np.where(at < seconds, 0.3 * np.sin(2 * np.pi * 1000 * at), 0.0), times)


@pytest.mark.parametrize(("level_dbfs", "ratio"), [(-40, 0.0), (-55, 0.0), (-58, 0.0), (-63, 1.0), (-80, 1.0)])
def test_noise_floor(level_dbfs: float, ratio: float) -> None:
    """A faint noise is no silence; what is below -60 dBFS is."""
    assert silence_ratio(track_of(noise(level_dbfs))) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize(("seconds", "ratio"), [(0.25, 0.75), (0.5, 0.5), (0.05, 0.95), (0.9, 0.0)])
def test_beeps(seconds: float, ratio: float) -> None:
    """A beep takes its own time and no more; a pause of 0.1 s belongs to the beeps."""
    assert silence_ratio(track_of(beeps(seconds))) == pytest.approx(ratio, abs=0.02)


def test_offset() -> None:
    """A constant offset is not heard."""
    assert silence_ratio(track_of(np.full(2 * HZ, 0.25))) == 1.0


def test_deep_tone() -> None:
    """The zero crossings of a deep tone are no silence."""
    at = np.arange(2 * HZ) / HZ
    assert silence_ratio(track_of(0.1 * np.sin(2 * np.pi * 20 * at))) == 0.0


def test_gap() -> None:
    """Silence on both sides of a gap is not joined, and counts where it lasts; time that was not analysed does not."""
    short, long = np.zeros(round(0.15 * HZ)), np.zeros(HZ)
    loud = noise(-20, 1.0)
    before, behind = np.concatenate((loud, short)), np.concatenate((short, loud, long))
    assert silence_ratio(track_of(before, behind)) == pytest.approx(1.0 / 3.3, abs=0.01)


def test_short_recordings() -> None:
    """Less than the shortest silence is silent if nothing else is there; nothing at all is not."""
    assert silence_ratio(track_of(np.zeros(100))) == 1.0
    assert silence_ratio(track_of(noise(-20, 0.01))) == 0.0
    assert silence_ratio(AudioTrack(np.zeros(0, np.float32), np.zeros((0, 1), np.float32), ())) == 0.0
