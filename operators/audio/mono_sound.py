"""The sound of a video as mono runs at the sample rates that models want."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from operators.media.mono import mono_of
from operators.media.tracks import FULL_BAND_HZ, FULL_BAND_SAMPLES_PER_SPEECH_SAMPLE, SPEECH_HZ, AudioSpan, AudioTrack

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SoundRun:
    """Mono sound without a gap."""

    start_seconds: float
    samples: Samples
    """(N,) float32 in [-1, 1]; N is at least 1."""


def sound_runs(track: AudioTrack, rate_hz: int) -> tuple[SoundRun, ...]:
    """Return the runs of a track at a sample rate of at most 48 kHz.

    At 16 kHz they are what was decoded; at another rate the channels are mixed in the same way, from 48 kHz.
    """
    at_rate = _speech if rate_hz == SPEECH_HZ else partial(_from_full_band, rate_hz=rate_hz)
    return tuple(SoundRun(span.start_seconds, at_rate(track, span)) for span in track.spans if span.num_samples)


def _speech(track: AudioTrack, span: AudioSpan) -> Samples:
    return track.speech[span.first_sample : span.first_sample + span.num_samples]


def _from_full_band(track: AudioTrack, span: AudioSpan, *, rate_hz: int) -> Samples:
    first, num_samples = (FULL_BAND_SAMPLES_PER_SPEECH_SAMPLE * each for each in (span.first_sample, span.num_samples))
    gains = np.array(track.stereo_gains, np.float32) if track.stereo_gains else None
    mono = mono_of(track.full_band[first : first + num_samples], partial(_resampled, rate_hz=rate_hz), gains)
    return np.clip(mono, -1.0, 1.0)


def _resampled(mono: Samples, *, rate_hz: int) -> Samples:
    """Return `(M,)` at 48 kHz as `(N,)` at another rate: sinc interpolation with a Hann window."""
    if rate_hz == FULL_BAND_HZ:
        return mono
    import torch
    from torchaudio.functional import resample

    with torch.inference_mode():
        found: Samples = resample(torch.from_numpy(np.ascontiguousarray(mono)), FULL_BAND_HZ, rate_hz).numpy()
    return found
