"""Mixes several channels to one without losing content of any."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

SIDE_RATIO = 0.2
"""Ratio of the energies of the channels' difference and their mean, in any second, from which the mean alone is not
sufficient. A voice 7 dB below music is hard to understand; the second channel costs as much to convert as the first."""
BLOCK_SAMPLES = 48_000
"""One second: a voice that cancels out for a while is found."""
LOST_RATIO = 0.5
"""Power of the two channels of a mix divided by that of its channels, in any second, below which they cancel out."""
SILENT_POWER = 1e-8
"""Mean square, -80 dBFS: quieter blocks count as empty."""


def mono_of(channels: Samples, resample: Callable[[Samples], Samples], gains: Samples | None = None) -> Samples:
    """Mix `(N, C)` down to one channel at another rate.

    More than two channels are first mixed to two. If those cancel out, the loudest lost channel is added with a phase
    shift of a quarter period.

    Args:
        channels: at 48 kHz.
        resample: to the rate of the result, of one channel.
        gains: `(C, 2)`, each channel's share left and right; required for more than two.
    """
    if gains is None or channels.shape[1] <= 2:
        return _mono_of_two(channels, resample)
    pair = channels @ gains
    mono, lost = _mono_of_two(pair, resample), lost_channel(channels, pair, gains)
    return (
        mono if lost is None else mono + quarter_turned(resample(np.ascontiguousarray(channels[:, lost])))[: len(mono)]
    )


def lost_channel(channels: Samples, pair: Samples, gains: Samples) -> int | None:
    """Return the loudest channel in the seconds in which `pair` has much less power than its channels; None without
    any."""
    lost = np.zeros(channels.shape[1])
    for first in range(0, len(channels), BLOCK_SAMPLES):
        powers = _powers(channels[first : first + BLOCK_SAMPLES])
        expected = float(powers @ (gains**2).sum(axis=1))
        if expected > SILENT_POWER and _powers(pair[first : first + BLOCK_SAMPLES]).sum() < LOST_RATIO * expected:
            lost += powers
    return int(lost.argmax()) if lost.any() else None


def _powers(block: Samples) -> npt.NDArray[np.float64]:
    """Mean square of each channel of `(N, C)`."""
    powers: npt.NDArray[np.float64] = np.einsum("ij,ij->j", block, block, dtype=np.float64) / len(block)
    return powers


def _mono_of_two(stereo: Samples, resample: Callable[[Samples], Samples]) -> Samples:
    """Mix one channel or two.

    Similar channels give their mean: FFmpeg's mix makes two equal channels 3 dB louder, and then they clip. For
    different channels the mean would lose what is in opposite phase; the difference is added with a phase shift of a
    quarter period, so that nothing can cancel out and each channel keeps its part of the energy. It sounds the same.
    """
    if stereo.shape[1] < 2:
        return resample(stereo[:, 0])
    mid = np.asarray((stereo[:, 0] + stereo[:, 1]) / 2, np.float32)  # a sum over the short axis takes ten times as long
    if not has_side(stereo):
        return resample(mid)
    side = np.asarray((stereo[:, 0] - stereo[:, 1]) / 2, np.float32)
    low_mid, low_side = resample(mid), resample(side)
    num_samples = min(len(low_mid), len(low_side))
    return low_mid[:num_samples] + quarter_turned(low_side[:num_samples])


def has_side(stereo: Samples) -> bool:
    """Return whether the channels of `(N, 2)` differ in any second by more than a mean may lose."""
    num_blocks = -(-len(stereo) // BLOCK_SAMPLES)
    return any(_differs(stereo[number * BLOCK_SAMPLES : (number + 1) * BLOCK_SAMPLES]) for number in range(num_blocks))


def quarter_turned(samples: Samples) -> Samples:
    """Return the Hilbert transform of `(N,)`: every frequency a quarter of a period later."""
    if not len(samples):
        return samples
    size = 1 << (len(samples) - 1).bit_length()
    spectrum = np.fft.rfft(samples, size)
    spectrum *= -1j
    spectrum[0] = 0
    return np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)


def _differs(block: Samples) -> bool:
    left, right = np.ascontiguousarray(block[:, 0]), np.ascontiguousarray(block[:, 1])
    powers, crossed = float(np.dot(left, left) + np.dot(right, right)), 2 * float(np.dot(left, right))
    side_power, mid_power = (powers - crossed) / 4 / len(block), (powers + crossed) / 4 / len(block)
    return side_power > max(SILENT_POWER, SIDE_RATIO * mid_power)
