"""Log-mel patches as in the training of YAMNet and VGGish, by matrix products.

The Fourier transform is a product with a fixed basis: no complex numbers, so that every compiler supports it. Source:
TensorFlow model garden, research/audioset/yamnet (features.py, params.py).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 400
"""25 ms, the analysis frame."""
HOP_SAMPLES = 160
"""10 ms from one analysis frame to the next."""
NUM_MELS = 64

_FFT_SAMPLES = 512
_LOWEST_HZ = 125.0
_HIGHEST_HZ = 7500.0
_LOG_OFFSET = 0.001


def _mel(frequency_hz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Mel scale after HTK."""
    mel: npt.NDArray[np.float64] = 1127.0 * np.log1p(np.asarray(frequency_hz, dtype=np.float64) / 700.0)
    return mel


def mel_filters() -> Tensor:
    """Return (257, 64) float32: triangular filters over the bins of the spectrum; the constant bin is excluded."""
    bins = _mel(np.linspace(0.0, SAMPLE_RATE_HZ / 2, _FFT_SAMPLES // 2 + 1))[:, None]
    edges = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), NUM_MELS + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    filters = np.minimum((bins - lower) / (centre - lower), (upper - bins) / (upper - centre)).clip(min=0.0)
    filters[0] = 0.0
    return torch.tensor(filters, dtype=torch.float32)


def fourier_basis() -> Tensor:
    """Return (400, 514) float32: cosines, then sines, of the 512-point transform under a periodic Hann window."""
    samples = np.arange(FRAME_SAMPLES)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * samples / FRAME_SAMPLES)
    angles = 2 * np.pi / _FFT_SAMPLES * np.outer(samples, np.arange(_FFT_SAMPLES // 2 + 1))
    basis = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) * window[:, None]
    return torch.tensor(basis, dtype=torch.float32)


class LogMel(nn.Module):
    """Waveforms (N, S) float32 in [-1, 1] at 16 kHz to log-mel spectrograms (N, T, 64), T = (S - 400) // 160 + 1.

    Stays in float32 when the model around it is cast: bfloat16's eight bits are not sufficient for quiet sounds.
    """

    basis: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("basis", fourier_basis(), persistent=False)
        self.register_buffer("filters", mel_filters(), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """See the class."""
        frames = waveform.float().unfold(1, FRAME_SAMPLES, HOP_SAMPLES)
        real, imaginary = (frames @ self.basis).chunk(2, dim=2)
        magnitude = torch.sqrt(real.square() + imaginary.square())
        return torch.log(magnitude @ self.filters + _LOG_OFFSET)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> LogMel:
        """Move with the model to another device, but never to another dtype."""
        basis, filters = self.basis, self.filters
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.basis, self.filters = basis.to(self.basis.device), filters.to(self.filters.device)
        return self
