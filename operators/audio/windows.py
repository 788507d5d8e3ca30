"""The windows in which sound is given to models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.yamnet import WINDOW_SAMPLES
from operators.audio.mono_sound import SoundRun, sound_runs
from operators.media.tracks import SPEECH_HZ, AudioTrack
from operators.segments import TimeSpan

HOP_SAMPLES = 15_360
"""0.96 s, the patch length of the model; its own hop is half of that and costs twice as much: see `windows_between`."""


@dataclass(frozen=True, slots=True)
class SoundWindow:
    """A stretch of sound, in a model's input format."""

    span: TimeSpan
    samples: np.ndarray
    """(window_samples,) float32 in [-1, 1], mono; or what a model is given of it."""


def sound_windows(track: AudioTrack) -> tuple[SoundWindow, ...]:
    """Cut every span of a track into the windows of sound events, at 16 kHz."""
    return windows_of(sound_runs(track, SPEECH_HZ), SPEECH_HZ, WINDOW_SAMPLES, HOP_SAMPLES)


def windows_between(track: AudioTrack, windows: Sequence[SoundWindow], suspects: np.ndarray) -> tuple[SoundWindow, ...]:
    """Return the windows half a hop from those that are suspect: a shot on the border of two windows is in neither.

    Args:
        track: the input of `sound_windows`.
        windows: its N windows.
        suspects: (N,) bool.
    """
    known = {window.span.start_seconds for window in windows}
    starts = np.array([window.span.start_seconds for window in windows])[suspects]
    if not len(starts):
        return ()
    dense = windows_of(sound_runs(track, SPEECH_HZ), SPEECH_HZ, WINDOW_SAMPLES, HOP_SAMPLES // 2)
    others = (window for window in dense if window.span.start_seconds not in known)
    return tuple(
        window for window in others if np.abs(starts - window.span.start_seconds).min() < WINDOW_SAMPLES / SPEECH_HZ
    )


def windows_of(
    runs: Iterable[SoundRun], rate_hz: int, window_samples: int, hop_samples: int
) -> tuple[SoundWindow, ...]:
    """Cut every run into windows that together cover all of it.

    The last window of a run is moved back so that both end at the same time, because a half-empty window would look
    like silence; a run shorter than one window is padded with zeros. No window extends over a gap.
    """
    return tuple(window for run in runs for window in _windows_of(run, rate_hz, window_samples, hop_samples))


def _windows_of(run: SoundRun, rate_hz: int, window_samples: int, hop_samples: int) -> list[SoundWindow]:
    last_start = max(len(run.samples) - window_samples, 0)
    starts = [*range(0, last_start, hop_samples), last_start]
    pieces = ((start, run.samples[start : start + window_samples]) for start in starts)
    return [_window(run.start_seconds + start / rate_hz, rate_hz, piece, window_samples) for start, piece in pieces]


def _window(start_seconds: float, rate_hz: int, samples: np.ndarray, window_samples: int) -> SoundWindow:
    span = TimeSpan(start_seconds, start_seconds + len(samples) / rate_hz)
    # Padded only where it is short: windows that overlap share their samples.
    is_whole = len(samples) == window_samples
    return SoundWindow(span, samples if is_whole else np.pad(samples, (0, window_samples - len(samples))))
