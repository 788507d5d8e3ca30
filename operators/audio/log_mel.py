"""Log-mel spectrograms of windows of sound, as the cards of added models ask for them.

Computed on the host in float32, whatever the precision of the model: eight bits are not sufficient for quiet sounds.
Sources: Kaldi's `compute-fbank-feats` as in `torchaudio.compliance.kaldi`, by which AST (Gong et al., Interspeech 2021)
is fed; Radford et al., Whisper, 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from models.model_input import LogMelInput

if TYPE_CHECKING:
    from torch import Tensor

_LEAST_POWER = 1e-10
"""Below every sound; the logarithm of silence would not be finite."""
_WHISPER_RANGE = 8.0
"""Powers of ten below the loudest value of a window, where Whisper's spectrograms end."""
_ROUNDING_SAMPLES = 0.01
"""Kaldi's frames are given in milliseconds, and cut to whole samples."""


def log_mel(samples: np.ndarray, rate_hz: int, how: LogMelInput) -> np.ndarray:
    """Return the spectrogram of one window, in the shape that the card states.

    Args:
        samples: (window_samples,) float32 in [-1, 1].
        rate_hz: of the samples.
        how: of the card.
    """
    import torch

    with torch.inference_mode():
        sound = torch.from_numpy(np.array(samples, np.float32))  # a copy: shared memory is read-only
        spectrum = (
            _kaldi(sound, rate_hz, how) if how.kind == "kaldi" else _LOGARITHMS[how.kind](_power(sound, rate_hz, how))
        )
        laid_out = _framed(spectrum, how.num_frames).sub(how.mean).div(how.std)
        laid_out = laid_out if how.layout == "time-mels" else laid_out.T
        found: np.ndarray = laid_out.contiguous().numpy()
    return found[np.newaxis] if how.has_channel else found


def _kaldi(sound: Tensor, rate_hz: int, how: LogMelInput) -> Tensor:
    """(T, M) natural logarithms."""
    from torchaudio.compliance import kaldi

    milliseconds = [1000 * (each + _ROUNDING_SAMPLES) / rate_hz for each in (how.frame_samples, how.hop_samples)]
    found: Tensor = kaldi.fbank(
        sound.unsqueeze(0),
        sample_frequency=rate_hz,
        frame_length=milliseconds[0],
        frame_shift=milliseconds[1],
        window_type="hanning",
        num_mel_bins=how.num_mels,
        low_freq=how.lowest_hz,
        high_freq=how.highest_hz,
    )
    return found


def _power(sound: Tensor, rate_hz: int, how: LogMelInput) -> Tensor:
    """(T, M) powers of frames that are centred on the samples."""
    found: Tensor = _mel_spectrogram(rate_hz, how)(sound).T
    return found[:-1] if how.kind == "whisper" else found


@cache
def _mel_spectrogram(rate_hz: int, how: LogMelInput) -> Any:
    from torchaudio.transforms import MelSpectrogram

    return MelSpectrogram(
        sample_rate=rate_hz,
        n_fft=how.fft_samples,
        win_length=how.frame_samples,
        hop_length=how.hop_samples,
        f_min=how.lowest_hz,
        f_max=how.highest_hz,
        n_mels=how.num_mels,
        norm="slaney" if how.scale == "slaney" else None,
        mel_scale=how.scale,
    )


def _whisper(power: Tensor) -> Tensor:
    found = power.clamp(min=_LEAST_POWER).log10()
    return (found.maximum(found.max() - _WHISPER_RANGE) + 4.0) / 4.0


def _natural(power: Tensor) -> Tensor:
    return power.clamp(min=_LEAST_POWER).log()


def _decibel(power: Tensor) -> Tensor:
    return 10.0 * power.clamp(min=_LEAST_POWER).log10()


_LOGARITHMS: dict[str, Callable[[Tensor], Tensor]] = {"whisper": _whisper, "natural": _natural, "decibel": _decibel}


def _framed(spectrum: Tensor, num_frames: int) -> Tensor:
    from torch.nn.functional import pad

    return pad(spectrum[:num_frames], (0, 0, 0, max(0, num_frames - len(spectrum))))
