"""The windows in which sound is given to models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.yamnet import WINDOW_SAMPLES
from operators.media.tracks import SPEECH_HZ, AudioSpan, AudioTrack
from operators.segments import TimeSpan

HOP_SAMPLES = 15_360
"""0.96 s, the patch length of the model; the model's own hop of half of that costs twice as much and finds little
more."""


@dataclass(frozen=True, slots=True)
class SoundWindow:
    """A second of sound, in the model's input format."""

    span: TimeSpan
    samples: np.ndarray
    """(window_samples,) float32 in [-1, 1], 16 kHz mono."""


def sound_windows(
    track: AudioTrack, window_samples: int = WINDOW_SAMPLES, hop_samples: int = HOP_SAMPLES
) -> tuple[SoundWindow, ...]:
    """Cut every span of a track into windows that together cover all of it; those of sound events, if not said.

    The last window of a span is moved back so that both end at the same time, because a half-empty window would look
    like silence; a span shorter than one window is padded with zeros. No window extends over a gap.
    """
    return tuple(
        window for span in track.spans for window in _windows_of(span, track.speech, window_samples, hop_samples)
    )


def _windows_of(span: AudioSpan, speech: np.ndarray, window_samples: int, hop_samples: int) -> list[SoundWindow]:
    samples = speech[span.first_sample : span.first_sample + span.num_samples]
    last_start = max(span.num_samples - window_samples, 0)
    starts = [*range(0, last_start, hop_samples), last_start] if span.num_samples else []
    pieces = ((start, samples[start : start + window_samples]) for start in starts)
    return [_window(span.start_seconds, start, piece, window_samples) for start, piece in pieces]


def _window(span_seconds: float, start: int, samples: np.ndarray, window_samples: int) -> SoundWindow:
    start_seconds = span_seconds + start / SPEECH_HZ
    padded = np.pad(samples, (0, window_samples - len(samples)))
    return SoundWindow(TimeSpan(start_seconds, start_seconds + len(samples) / SPEECH_HZ), padded)
