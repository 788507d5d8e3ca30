"""From probabilities of speech to the times with a voice.

Thresholds and shortest durations are the published defaults of Silero VAD's own post-processing: a voice begins at 0.5,
ends below 0.35 if that lasts 0.1 s, and counts if it lasts 0.25 s.

Whispers score lower, as they have no pitch. So where the sound classifier hears speech, lower thresholds hold: both
models agree, though neither is certain. They were chosen on the evaluation set `sounds-fitted`; see decision 0045.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.audio.vad_windows import CHUNK_SECONDS, VoiceProbabilities
from operators.audio.windows import SoundWindow
from operators.segments import TimeSpan

BEGIN_PROBABILITY = 0.5
END_PROBABILITY = 0.35
CONFIRMED_BEGIN_PROBABILITY = 0.2
CONFIRMED_END_PROBABILITY = 0.1
"""Where the sound classifier hears speech."""
SPEECH_SCORE = 0.2
"""From this score on the classifier hears speech in a window."""
MIN_VOICE_SECONDS = 0.25
MIN_PAUSE_SECONDS = 0.1


_SPEECH = frozenset(("Speech", "Child speech, kid speaking", "Conversation", "Narration, monologue", "Whispering"))


def speech_times(windows: Sequence[SoundWindow], scores: np.ndarray, names: Sequence[str]) -> tuple[TimeSpan, ...]:
    """Return the windows in which the sound classifier hears speech.

    Args:
        windows: N windows, by start.
        scores: (N, K) float32 in [0, 1].
        names: K class names.
    """
    columns = [column for column, name in enumerate(names) if name in _SPEECH]
    is_speech = scores[:, columns].max(axis=1) >= SPEECH_SCORE
    return tuple(window.span for window, found in zip(windows, is_speech, strict=True) if found)


def voice_segments(spans: Sequence[VoiceProbabilities], confirmed: Sequence[TimeSpan] = ()) -> tuple[TimeSpan, ...]:
    """Return times with a voice, ascending; none extends over a gap between spans.

    Args:
        spans: probabilities, by start.
        confirmed: times in which another model hears speech.
    """
    return tuple(segment for span in spans for segment in _segments_of(span, confirmed))


def speech_ratio(segments: Sequence[TimeSpan], spans: Sequence[VoiceProbabilities]) -> float:
    """Return the share of the analysed time with a voice, [0, 1]; 0 if nothing was analysed."""
    analysed_seconds = sum(span.end_seconds - span.start_seconds for span in spans)
    voiced_seconds = sum(segment.end_seconds - segment.start_seconds for segment in segments)
    return min(voiced_seconds / analysed_seconds, 1.0) if analysed_seconds else 0.0


def _segments_of(span: VoiceProbabilities, confirmed: Sequence[TimeSpan]) -> list[TimeSpan]:
    segments = []
    for first, last in _voiced_runs(span.probabilities, _is_confirmed(span, confirmed)):
        start_seconds = span.start_seconds + first * CHUNK_SECONDS
        end_seconds = min(span.start_seconds + last * CHUNK_SECONDS, span.end_seconds)
        if end_seconds - start_seconds >= MIN_VOICE_SECONDS:
            segments.append(TimeSpan(start_seconds, end_seconds))
    return segments


def _is_confirmed(span: VoiceProbabilities, confirmed: Sequence[TimeSpan]) -> np.ndarray:
    """(N,) bool: whether the middle of each chunk is in a confirmed time."""
    middles = span.start_seconds + (np.arange(len(span.probabilities)) + 0.5) * CHUNK_SECONDS
    found = np.zeros(len(middles), bool)
    for time in confirmed:
        found |= (middles >= time.start_seconds) & (middles < time.end_seconds)
    return found


def _voiced_runs(probabilities: np.ndarray, is_confirmed: np.ndarray) -> list[tuple[int, int]]:
    """Return runs [first, last) of chunks, with hysteresis: between the two thresholds the state stays."""
    begins = probabilities >= np.where(is_confirmed, CONFIRMED_BEGIN_PROBABILITY, BEGIN_PROBABILITY)
    ends = probabilities < np.where(is_confirmed, CONFIRMED_END_PROBABILITY, END_PROBABILITY)
    min_pause_chunks = MIN_PAUSE_SECONDS / CHUNK_SECONDS
    runs: list[tuple[int, int]] = []
    first: int | None = None
    pause: int | None = None
    for chunk, (begins_here, ends_here) in enumerate(zip(begins, ends, strict=True)):
        if begins_here:
            first, pause = chunk if first is None else first, None
        elif first is not None and (ends_here or pause is not None):
            pause = chunk if pause is None else pause
            if chunk + 1 - pause >= min_pause_chunks:
                runs.append((first, pause))
                first = pause = None
    if first is not None:
        runs.append((first, len(probabilities) if pause is None else pause))
    return runs
