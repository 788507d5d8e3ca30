"""Windows for voice activity detection, and the combination of their results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.silero_vad import CHUNK_SAMPLES, HOP_SAMPLES, LENGTHS, SAMPLE_RATE_HZ, WARM_UP_CHUNKS, WINDOW_SAMPLES
from operators.media.tracks import AudioTrack

CHUNK_SECONDS = CHUNK_SAMPLES / SAMPLE_RATE_HZ
"""0.032 s per probability."""


@dataclass(frozen=True, slots=True)
class VoiceProbabilities:
    """Probabilities of one span without a gap."""

    start_seconds: float
    end_seconds: float
    probabilities: np.ndarray
    """(N,) float32 in [0, 1], one per chunk from the start on; the last chunk may extend past the end."""


def vad_windows(track: AudioTrack) -> tuple[np.ndarray, ...]:
    """Cut every span into overlapping windows of 65536 samples, float32.

    The last window of a span is padded with zeros to the least of the model's lengths that holds it.

    All but the first of a span start with chunks that the previous window has scored already: the recurrent model warms
    up on them.
    """
    return tuple(
        _padded(track.speech[span.first_sample : span.first_sample + span.num_samples][start : start + WINDOW_SAMPLES])
        for span in track.spans
        for start in _starts(span.num_samples)
    )


def join_probabilities(track: AudioTrack, answers: Sequence[np.ndarray]) -> tuple[VoiceProbabilities, ...]:
    """Combine the windows' results, without warm-up and padding.

    Args:
        track: the input of `vad_windows`.
        answers: one float32 per chunk of each window, in the same order.
    """
    remaining = iter(answers)
    return tuple(
        VoiceProbabilities(
            start_seconds=span.start_seconds,
            end_seconds=span.start_seconds + span.num_samples / SAMPLE_RATE_HZ,
            probabilities=_joined(remaining, span.num_samples),
        )
        for span in track.spans
        if span.num_samples
    )


def _starts(num_samples: int) -> range:
    """Return the start of each window; another window starts only if samples remain after the previous one."""
    overlap = WINDOW_SAMPLES - HOP_SAMPLES
    return range(0, max(num_samples - overlap, 1) if num_samples else 0, HOP_SAMPLES)


def _padded(samples: np.ndarray) -> np.ndarray:
    return np.pad(samples, (0, next(length for length in LENGTHS if length >= len(samples)) - len(samples)))


def _joined(answers: Iterator[np.ndarray], num_samples: int) -> np.ndarray:
    pieces = [next(answers)[WARM_UP_CHUNKS if start else 0 :] for start in _starts(num_samples)]
    num_chunks = -(-num_samples // CHUNK_SAMPLES)
    return np.concatenate(pieces)[:num_chunks]
