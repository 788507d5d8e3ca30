"""Selects the segments of the audio to decode: all of it, or some spread over the duration."""

from __future__ import annotations

import math
from dataclasses import dataclass

from operators.media.index import AudioStreamIndex
from operators.media.tracks import SPEECH_HZ

MAX_CHANNELS = 8
"""7.1. Each channel needs 58 MB for five minutes."""
END_SLACK_SECONDS = 1.0
"""Sound that is read to its end is read beyond the stated end: headers round durations."""


@dataclass(frozen=True, slots=True)
class AudioPlan:
    """Segments of sound, `(start_seconds, end_seconds)` each."""

    spans: tuple[tuple[float, float], ...]
    num_channels: int
    """Number of separate channels: all of the sound's, up to 7.1; for more, two."""
    max_samples: int
    """At 16 kHz."""


def make_audio_plan(
    audio: AudioStreamIndex, max_seconds: float, num_spans: int, dense_segment_seconds: list[float] | None = None
) -> AudioPlan:
    """Select what to decode of the sound.

    Args:
        audio: of the container's index.
        max_seconds: maximum; shorter sound is decoded completely.
        num_spans: for longer sound, the number of equal spans, spread evenly.
        dense_segment_seconds: starts of picture segments whose bytes are needed anyway; if there are as many as spans
            while there is sound, the spans start there instead.
    """
    spans = _spans(audio, max_seconds, num_spans, dense_segment_seconds or [])
    seconds = min(max_seconds + END_SLACK_SECONDS, sum(end - start for start, end in spans))
    return AudioPlan(spans, _num_channels(audio), math.ceil(seconds * SPEECH_HZ))


def _num_channels(audio: AudioStreamIndex) -> int:
    return max(1, audio.num_channels) if audio.num_channels <= MAX_CHANNELS else 2


def _spans(
    audio: AudioStreamIndex, max_seconds: float, num_spans: int, dense_segment_seconds: list[float]
) -> tuple[tuple[float, float], ...]:
    start = min(0.0, audio.start_seconds)
    end = audio.start_seconds + audio.duration_seconds + END_SLACK_SECONDS
    if not audio.duration_seconds:
        return ((start, max_seconds),)
    if audio.duration_seconds <= max_seconds:  # a header may state less than there is, so that the rest is not heard
        return ((start, end if audio.is_listed else max(end, max_seconds)),)
    dense_segments = [dense_segment for dense_segment in dense_segment_seconds if dense_segment < end]
    if len(dense_segments) >= num_spans:
        return _spans_from(dense_segments, max_seconds / len(dense_segments), end)
    length = max_seconds / num_spans
    step = (audio.duration_seconds - length) / max(1, num_spans - 1)
    first_of_one = step / 2 if num_spans == 1 else 0.0
    starts = (audio.start_seconds + first_of_one + number * step for number in range(num_spans))
    return tuple((first, first + length) for first in starts)


def _spans_from(starts: list[float], length: float, end: float) -> tuple[tuple[float, float], ...]:
    """Return spans of at most `length` seconds, none of which overlaps the next one or passes `end`."""
    return tuple(
        (start, min(start + length, following)) for start, following in zip(starts, [*starts[1:], end], strict=True)
    )
