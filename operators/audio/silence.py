"""The share of silence, by level: times in which next to nothing is recorded."""

from __future__ import annotations

import math

import numpy as np

from operators.audio.mono_sound import sound_runs
from operators.media.tracks import SPEECH_HZ, AudioTrack

SILENT_DBFS = -60.0
"""Lower levels are silent: below the noise floor of most recordings, above what encoders make of digital silence."""
MIN_SILENT_SECONDS = 0.2
"""Shorter pauses belong to the sound around them: between words, within plosives."""

_BLOCK_SAMPLES = 160
"""10 ms; how exactly a silent time begins and ends."""
_SILENT_POWER = 10.0 ** (SILENT_DBFS / 10.0)


def silence_ratio(track: AudioTrack) -> float:
    """Return the share of the analysed time that is silent, [0, 1]; 0 if nothing was analysed.

    A constant offset is no sound. Noise is, however faint, from `SILENT_DBFS` on.
    """
    runs = [run.samples for run in sound_runs(track, SPEECH_HZ)]
    num_samples = sum(map(len, runs))
    return sum(map(_silent_samples, runs)) / num_samples if num_samples else 0.0


def _silent_samples(samples: np.ndarray) -> int:
    """Return how many of (N,) samples, without a gap, are in silent times that last long enough."""
    starts = np.arange(0, len(samples), _BLOCK_SAMPLES)
    lengths = np.diff(np.append(starts, len(samples)))
    means = np.add.reduceat(samples, starts) / lengths
    powers = np.add.reduceat(samples * samples, starts) / lengths - means * means
    # A recording may be shorter than the shortest silence, and is silent all the same.
    least = min(math.ceil(MIN_SILENT_SECONDS * SPEECH_HZ), len(samples))
    return sum(length for length in _run_lengths(powers < _SILENT_POWER, lengths) if length >= least)


def _run_lengths(is_silent: np.ndarray, lengths: np.ndarray) -> list[int]:
    """Return how many samples each run of silent blocks has."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_silent, [False]))))
    ends = np.append(0, np.cumsum(lengths))[edges]
    return [int(length) for length in ends[1::2] - ends[::2]]
