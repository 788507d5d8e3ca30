"""Packs the parts of a sound in which somebody speaks into windows of 30 s, and maps times back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.whisper import SAMPLE_RATE_HZ, WINDOW_SAMPLES, WINDOW_SECONDS
from operators.drawn_videos import drawn_ratio
from operators.media.tracks import AudioTrack
from operators.segments import TimeSpan

MIN_SPEECH_SECONDS = 1.0
"""Less speech in a whole video is not transcribed: two words at most, and false alarms of the detector."""
_MARGIN_SECONDS = 0.2
"""Added on both sides of a voice, so that no first sound is cut off."""
_LONGEST_PIECE_SECONDS = 10.0
"""Sound without a pause is cut after this time, if it must be cut."""


@dataclass(frozen=True, slots=True)
class SpokenPiece:
    """A part of the sound, without a gap."""

    start_seconds: float
    """Of the video."""
    samples: npt.NDArray[np.float32]

    @property
    def length_seconds(self) -> float:
        """Its length."""
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class SpeechWindow:
    """Pieces one after another, at most 30 s."""

    pieces: tuple[SpokenPiece, ...]

    @property
    def length_seconds(self) -> float:
        """Sum of the pieces."""
        return sum(piece.length_seconds for piece in self.pieces)

    @property
    def samples(self) -> npt.NDArray[np.float32]:
        """(480000,) float32, with zeros at the end."""
        joined = np.concatenate([piece.samples for piece in self.pieces])
        return np.pad(joined, (0, WINDOW_SAMPLES - len(joined)))

    def span(self, start_seconds: float, end_seconds: float) -> TimeSpan:
        """Return the time in the video of a time in the window."""
        start, end = self._video_seconds(start_seconds), self._video_seconds(end_seconds, is_end=True)
        return TimeSpan(start, max(start, end))

    def _video_seconds(self, seconds: float, *, is_end: bool = False) -> float:
        for piece in self.pieces:
            if seconds < piece.length_seconds or (is_end and seconds == piece.length_seconds):
                return piece.start_seconds + max(seconds, 0.0)
            seconds -= piece.length_seconds
        return self.pieces[-1].start_seconds + self.pieces[-1].length_seconds


def speech_windows(
    track: AudioTrack, voices: Sequence[TimeSpan], video_id: str, budget_seconds: float
) -> tuple[SpeechWindow, ...]:
    """Return the sound to transcribe: all that is spoken, or a stretch of it as long as the budget.

    Where the stretch begins is drawn from the video's id: a person who hides something behind a long harmless talk
    cannot know which part is heard, and a replay hears the same.

    Args:
        track: the decoded sound.
        voices: times with a voice, ascending.
        video_id: of the video.
        budget_seconds: most seconds of sound to return.
    """
    pieces = _within(_pieces(track, voices), video_id, budget_seconds)
    return tuple(_windows(pieces))


def _pieces(track: AudioTrack, voices: Sequence[TimeSpan]) -> list[SpokenPiece]:
    """Return the voices with their margins, joined where these touch; no piece extends over a gap of the sound."""
    pieces: list[SpokenPiece] = []
    for span in track.spans:
        samples = track.speech[span.first_sample : span.first_sample + span.num_samples]
        end_seconds = span.start_seconds + span.num_samples / SAMPLE_RATE_HZ
        inside = [voice for voice in voices if span.start_seconds <= voice.start_seconds < end_seconds]
        for first, last in _joined(_range(voice, span.start_seconds, len(samples)) for voice in inside):
            pieces.append(SpokenPiece(span.start_seconds + first / SAMPLE_RATE_HZ, samples[first:last]))
    return pieces


def _range(voice: TimeSpan, start_seconds: float, num_samples: int) -> tuple[int, int]:
    first = round((voice.start_seconds - _MARGIN_SECONDS - start_seconds) * SAMPLE_RATE_HZ)
    last = round((voice.end_seconds + _MARGIN_SECONDS - start_seconds) * SAMPLE_RATE_HZ)
    return max(first, 0), min(last, num_samples)


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _within(pieces: Sequence[SpokenPiece], video_id: str, budget_seconds: float) -> list[SpokenPiece]:
    """Return all pieces, or a stretch of them that begins with a drawn one, as long as the budget."""
    spare_seconds = _length_seconds(pieces) - budget_seconds
    if spare_seconds <= 0:
        return list(pieces)
    skip_seconds = drawn_ratio("window", video_id) * spare_seconds
    starts = [start for start, _ in _starts(pieces) if start <= skip_seconds]
    begin = starts[-1] if skip_seconds - starts[-1] < _LONGEST_PIECE_SECONDS else skip_seconds
    return _cut(pieces, begin, budget_seconds)


def _starts(pieces: Sequence[SpokenPiece]) -> Iterator[tuple[float, SpokenPiece]]:
    """Yield each piece with its place, counted along the pieces."""
    start = 0.0
    for piece in pieces:
        yield start, piece
        start += piece.length_seconds


def _cut(pieces: Sequence[SpokenPiece], skip_seconds: float, length_seconds: float) -> list[SpokenPiece]:
    """Return the pieces' sound from a place on, counted along the pieces."""
    skip, length = round(skip_seconds * SAMPLE_RATE_HZ), round(length_seconds * SAMPLE_RATE_HZ)
    found: list[SpokenPiece] = []
    for piece in pieces:
        samples = piece.samples[skip : skip + length]
        if len(samples):
            found.append(SpokenPiece(piece.start_seconds + skip / SAMPLE_RATE_HZ, samples))
        skip, length = max(0, skip - len(piece.samples)), length - len(samples)
    return found


def _windows(pieces: Sequence[SpokenPiece]) -> Iterator[SpeechWindow]:
    """Yield windows that end in a pause, unless somebody talks for ten seconds without one: a word that is cut in two
    is lost, and often the sentence around it."""
    start, total = 0.0, _length_seconds(pieces)
    pauses = [place for place, _ in _starts(pieces)]
    while total - start >= MIN_SPEECH_SECONDS:
        end = start + WINDOW_SECONDS
        if end < total:
            end = max([pause for pause in pauses if end - _LONGEST_PIECE_SECONDS < pause <= end], default=end)
        yield SpeechWindow(tuple(_cut(pieces, start, end - start)))
        start = end


def _length_seconds(pieces: Sequence[SpokenPiece]) -> float:
    return sum(piece.length_seconds for piece in pieces)
