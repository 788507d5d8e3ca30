"""Integrated loudness of a video, as broadcasters and players measure it.

After EBU R 128 and ITU-R BS.1770-4: K-weighted, gated at -70 LUFS and 10 LU below the mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from operators.media.tracks import FULL_BAND_HZ

MIN_SECONDS = 0.4
"""One gating block; shorter sound has no integrated loudness."""
GATE_LUFS = -70.0
"""Sound that never exceeds it has no integrated loudness."""

_HOP_SECONDS = 0.1
"""Blocks overlap by three quarters."""
_RELATIVE_GATE_LU = 10.0
_OFFSET_LUFS = -0.691
"""From BS.1770-4: a sine of 997 Hz at 0 dBFS in one channel measures -3.01 LUFS."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """Of a whole recording; None if there is nothing to measure."""

    integrated_lufs: float | None
    peak_dbfs: float | None
    """Largest sample; a true peak between samples may be higher."""


def measure_loudness(full_band: np.ndarray, weights: Sequence[float] = ()) -> Loudness:
    """Measure (N, C) float32 at 48 kHz; values may exceed 1 if the source's do.

    Args:
        full_band: all channels.
        weights: factor on the power of each channel, see `AudioTrack`; 1 each if empty.
    """
    weights = weights or (1.0,) * full_band.shape[1]
    return Loudness(integrated_lufs=_integrated_lufs(full_band, weights), peak_dbfs=_peak_dbfs(full_band))


def _integrated_lufs(full_band: np.ndarray, weights: Sequence[float]) -> float | None:
    if len(full_band) < MIN_SECONDS * FULL_BAND_HZ:
        return None
    counted = [(channel, weight) for channel, weight in zip(full_band.T, weights, strict=True) if weight]
    # One channel after another: several in double precision would need most of a gigabyte.
    by_channel = [weight * _block_powers(_k_weighted(channel)) for channel, weight in counted]
    powers = np.sum(by_channel, axis=0) if by_channel else np.zeros(1)
    loud = powers[_lufs(powers) >= GATE_LUFS]
    if not len(loud):
        return None
    lufs = float(_lufs(loud[_lufs(loud) > _lufs(loud.mean()) - _RELATIVE_GATE_LU].mean()))
    return lufs if lufs >= GATE_LUFS else None


def _lufs(power: np.ndarray | float) -> np.ndarray:
    with np.errstate(divide="ignore"):  # digital silence gives minus infinity
        lufs: np.ndarray = _OFFSET_LUFS + 10.0 * np.log10(power)
    return lufs


def _block_powers(weighted: np.ndarray) -> np.ndarray:
    """(B,) float64: mean square of each gating block of (N,)."""
    num_blocks = round((len(weighted) / FULL_BAND_HZ - MIN_SECONDS) / _HOP_SECONDS) + 1
    block, hop = round(MIN_SECONDS * FULL_BAND_HZ), round(_HOP_SECONDS * FULL_BAND_HZ)
    # The last block may extend beyond the end, where the signal is zero.
    squares = np.cumsum(np.pad(weighted**2, (1, block)))
    starts = hop * np.arange(num_blocks)
    powers: np.ndarray = (squares[starts + block] - squares[starts]) / block
    return powers.clip(min=0.0)


def _k_weighted(channel: np.ndarray) -> np.ndarray:
    """(N,) float64 of (N,)."""
    import torch
    from torchaudio.functional.filtering import (
        DifferentiableIIR,  # of `lfilter`, whose zeros cost three times its poles
    )

    numerator, denominator = _k_filter()
    zeros = np.convolve(channel.astype(np.float64), numerator)[np.newaxis, : len(channel)]
    with torch.inference_mode():
        poles = torch.from_numpy(denominator).unsqueeze(0)
        weighted: np.ndarray = DifferentiableIIR.apply(torch.from_numpy(zeros).unsqueeze(1), poles)[0, 0].numpy()
    return weighted


@cache
def _k_filter() -> tuple[np.ndarray, np.ndarray]:
    """Return the (5,) numerator and (5,) denominator of the K-weighting: a shelf of 4 dB from 1.5 kHz, then a high pass
    at 38 Hz.

    Both after R. Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients".
    """
    shelf, high_pass = _high_shelf(gain_db=4.0, quality=math.sqrt(0.5), hz=1500.0), _high_pass(quality=0.5, hz=38.0)
    return np.convolve(shelf[0], high_pass[0]), np.convolve(shelf[1], high_pass[1])


def _high_shelf(gain_db: float, quality: float, hz: float) -> tuple[np.ndarray, np.ndarray]:
    gain, cosine, slope = 10 ** (gain_db / 40), math.cos(_angle(hz)), math.sin(_angle(hz)) / (2 * quality)
    up, down, bend = gain + 1, gain - 1, 2 * math.sqrt(gain) * slope
    numerator = gain * np.array([up + down * cosine + bend, -2 * (down + up * cosine), up + down * cosine - bend])
    denominator = np.array([up - down * cosine + bend, 2 * (down - up * cosine), up - down * cosine - bend])
    return numerator / denominator[0], denominator / denominator[0]


def _high_pass(quality: float, hz: float) -> tuple[np.ndarray, np.ndarray]:
    cosine, slope = math.cos(_angle(hz)), math.sin(_angle(hz)) / (2 * quality)
    numerator = (1 + cosine) / 2 * np.array([1.0, -2.0, 1.0])
    denominator = np.array([1 + slope, -2 * cosine, 1 - slope])
    return numerator / denominator[0], denominator / denominator[0]


def _angle(hz: float) -> float:
    return 2 * math.pi * hz / FULL_BAND_HZ


def _peak_dbfs(full_band: np.ndarray) -> float | None:
    peak = float(max(full_band.max(initial=0.0), -full_band.min(initial=0.0)))
    return 20.0 * math.log10(peak) if peak > 0.0 else None
