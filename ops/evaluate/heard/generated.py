"""Noise, tones, beeps and sirens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from ops.evaluate.heard.decoding import RATE_HZ, Samples

LENGTH_SECONDS: Final = 8.0

Random = np.random.Generator


def seconds_of(seconds: float) -> int:
    """Return the number of samples."""
    return round(seconds * RATE_HZ)


def times(seconds: float = LENGTH_SECONDS) -> np.ndarray:
    """(N,) times of samples in seconds."""
    return np.arange(seconds_of(seconds)) / RATE_HZ


def white(random: Random, seconds: float = LENGTH_SECONDS) -> Samples:
    """Noise of level 0 dBFS."""
    return random.standard_normal(seconds_of(seconds)).astype(np.float32)


def pink(random: Random, seconds: float = LENGTH_SECONDS) -> Samples:
    """Noise with equal power in each octave, of level 0 dBFS."""
    spectrum = np.fft.rfft(random.standard_normal(seconds_of(seconds)))
    shaped = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), seconds_of(seconds))
    return np.asarray(shaped / shaped.std(), np.float32)


def tone(hz: float, seconds: float = LENGTH_SECONDS) -> Samples:
    """A sine of full scale."""
    return np.sin(2 * np.pi * hz * times(seconds)).astype(np.float32)


def beeps(random: Random, beep_seconds: float, period_seconds: float = 1.0) -> Samples:
    """A beep at the begin of each period, and nothing between."""
    hz = random.uniform(400, 2500)
    return np.where(times() % period_seconds < beep_seconds, tone(hz), 0.0).astype(np.float32)


def _sweeping(hz: np.ndarray, random: Random) -> Samples:
    """A tone of a changing pitch, with the overtones of a horn."""
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    overtones = random.uniform(0.1, 0.7, 4)
    found = np.sin(phase) + sum(gain * np.sin((n + 2) * phase) for n, gain in enumerate(overtones))
    return np.asarray(found / np.abs(found).max(), np.float32)


def _wail(random: Random) -> Samples:
    """Slowly up and down, as an American police car's."""
    low, high, period = random.uniform(450, 650), random.uniform(1100, 1500), random.uniform(3.0, 6.0)
    swing = 0.5 - 0.5 * np.cos(2 * np.pi * times() / period + random.uniform(0, 6))
    return _sweeping(low + (high - low) * swing, random)


def _yelp(random: Random) -> Samples:
    """The same three times a second."""
    low, high, period = random.uniform(450, 700), random.uniform(1100, 1600), random.uniform(0.25, 0.4)
    return _sweeping(high - (high - low) * (times() % period) / period, random)


def _two_tones(random: Random) -> Samples:
    """High and low in turn, as in Europe: a fourth apart, half a second or more each."""
    low, half = random.uniform(380, 460), random.uniform(0.5, 0.8)
    return _sweeping(np.where(times() % (2 * half) < half, low, low * 4 / 3), random)


def _air_raid(random: Random) -> Samples:
    """Up within seconds, then held, as of civil defence."""
    top, rise = random.uniform(380, 480), random.uniform(2.0, 4.0)
    return _sweeping(top * (1 - np.exp(-times() / rise * 2)) + 60, random)


SIRENS: Final[Mapping[str, Callable[[Random], Samples]]] = {
    "wail": _wail,
    "yelp": _yelp,
    "two tones": _two_tones,
    "air raid": _air_raid,
}
"""By name; each draws its pitch and pace."""


def echoing(samples: Samples, random: Random) -> Samples:
    """Return the sound as in a street: echoes that fade within half a second."""
    tail = seconds_of(0.5)
    fading = random.standard_normal(tail) * np.exp(-np.arange(tail) / (0.12 * RATE_HZ)) * 0.03
    fading[0] = 1.0
    length = len(samples) + tail
    spectrum = np.fft.rfft(samples, length) * np.fft.rfft(fading, length)
    return np.asarray(np.fft.irfft(spectrum, length)[: len(samples)], np.float32)
