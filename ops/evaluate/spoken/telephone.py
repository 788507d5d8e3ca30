"""Sound as a telephone passes it on."""

from __future__ import annotations

from typing import Final

import numpy as np

from ops.evaluate.heard.decoding import RATE_HZ, Samples

_BAND_HZ: Final = (300.0, 3_400.0)
"""Of a telephone line (ITU-T G.712)."""
_MU: Final = 255.0
_STEPS: Final = 127.0


def by_telephone(samples: Samples) -> Samples:
    """Return (N,) at 16 kHz with the band of a telephone line, at 8 kHz with the steps of mu-law (ITU-T G.711)."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    spectrum[(hz < _BAND_HZ[0]) | (hz > _BAND_HZ[1])] = 0
    narrow = np.fft.irfft(spectrum, len(samples))[::2]
    level = max(float(np.abs(narrow).max()), 1e-6)
    pressed = np.sign(narrow) * np.log1p(_MU * np.abs(narrow) / level) / np.log1p(_MU)
    stepped = np.round(pressed * _STEPS) / _STEPS
    sent = np.sign(stepped) * np.expm1(np.abs(stepped) * np.log1p(_MU)) / _MU * level
    return _at_double_rate(sent)


def _at_double_rate(samples: np.ndarray) -> Samples:
    """Return (N,) at 8 kHz as (2N,) at 16 kHz, with nothing above 4 kHz."""
    spectrum = np.pad(np.fft.rfft(samples), (0, len(samples) - len(samples) // 2))
    return np.asarray(2 * np.fft.irfft(spectrum, 2 * len(samples)), np.float32)
