"""From probabilities of speech to the times with a voice.

Thresholds and shortest durations are the published defaults of Silero VAD's own post-processing: a voice begins at 0.5,
ends below 0.35 if that lasts 0.1 s, and counts if it lasts 0.25 s.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.audio.vad_windows import CHUNK_SECONDS, VoiceProbabilities
from operators.segments import TimeSpan

BEGIN_PROBABILITY = 0.5
END_PROBABILITY = 0.35
MIN_VOICE_SECONDS = 0.25
MIN_PAUSE_SECONDS = 0.1


def voice_segments(spans: Sequence[VoiceProbabilities]) -> tuple[TimeSpan, ...]:
    """Return times with a voice, ascending; none extends over a gap between spans."""
    return tuple(segment for span in spans for segment in _segments_of(span))


def speech_ratio(segments: Sequence[TimeSpan], spans: Sequence[VoiceProbabilities]) -> float:
    """Return the share of the analysed time with a voice, [0, 1]; 0 if nothing was analysed."""
    analysed_seconds = sum(span.end_seconds - span.start_seconds for span in spans)
    voiced_seconds = sum(segment.end_seconds - segment.start_seconds for segment in segments)
    return min(voiced_seconds / analysed_seconds, 1.0) if analysed_seconds else 0.0


def _segments_of(span: VoiceProbabilities) -> list[TimeSpan]:
    segments = []
    for first, last in _voiced_runs(span.probabilities):
        start_seconds = span.start_seconds + first * CHUNK_SECONDS
        end_seconds = min(span.start_seconds + last * CHUNK_SECONDS, span.end_seconds)
        if end_seconds - start_seconds >= MIN_VOICE_SECONDS:
            segments.append(TimeSpan(start_seconds, end_seconds))
    return segments


def _voiced_runs(probabilities: np.ndarray) -> list[tuple[int, int]]:
    """Return runs [first, last) of chunks, with hysteresis: between the two thresholds the state stays."""
    min_pause_chunks = MIN_PAUSE_SECONDS / CHUNK_SECONDS
    runs: list[tuple[int, int]] = []
    first: int | None = None
    pause: int | None = None
    for chunk, probability in enumerate(probabilities):
        if probability >= BEGIN_PROBABILITY:
            first, pause = chunk if first is None else first, None
        elif first is not None and (probability < END_PROBABILITY or pause is not None):
            pause = chunk if pause is None else pause
            if chunk + 1 - pause >= min_pause_chunks:
                runs.append((first, pause))
                first = pause = None
    if first is not None:
        runs.append((first, len(probabilities) if pause is None else pause))
    return runs
