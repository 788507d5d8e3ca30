"""Transcribes windows of speech: the choice between two models, and the language."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from models.model_input import LogMelInput
from models.whisper import SAMPLE_RATE_HZ, Whisper, load_whisper
from operators.audio.log_mel import log_mel
from operators.audio.speech.packing import SpeechWindow
from operators.audio.speech.utterances import MIN_LANGUAGE_PROBABILITY, Utterance, max_tokens, utterances

ENGLISH_MODEL: Final = "whisper-tiny-en"
ANY_MODEL: Final = "whisper-base"
_ENGLISH: Final = "en"
_TRUSTED_SCORE: Final = 0.6
"""Mean probability of tokens below which the English model may have heard another language."""
_MEL: Final = LogMelInput(
    kind="whisper",
    num_mels=80,
    frame_samples=400,
    fft_samples=400,
    hop_samples=160,
    lowest_hz=0.0,
    highest_hz=8_000.0,
    scale="slaney",
    mean=0.0,
    std=1.0,
    num_frames=3_000,
    layout="mels-time",
    has_channel=False,
)


@dataclass(frozen=True, slots=True)
class SpokenWindow:
    """What is said in one window."""

    model: str
    """Name of the card of the model that heard it."""
    language: str
    """ISO 639 code."""
    language_probability: float
    """1 where the language was known."""
    utterances: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said in the windows of one video, and what it cost."""

    windows: tuple[SpokenWindow | None, ...]
    """One for each window; None where nothing can be trusted."""
    cpu_seconds: Mapping[str, float]
    """By name of the card, with spectrograms, and with loading if this video was the first that needed the model."""


class Recogniser(Protocol):
    """Turns windows into text; both methods are pure functions of their arguments."""

    def transcribe(self, windows: Sequence[SpeechWindow], *, is_english: bool) -> Transcript:
        """Return what is said.

        Args:
            windows: of one video.
            is_english: whether the upload's text is English: then a smaller model is asked first.
        """
        ...

    def decode(self, model: str, windows: Sequence[SpeechWindow], encoded: Sequence[np.ndarray]) -> Transcript:
        """Return what one model says of windows that it has encoded already, in a batch.

        Args:
            model: name of its card.
            windows: of one video.
            encoded: for each of them, (1500, D) float32.
        """
        ...


class WhisperRecogniser:
    """Loads each model when it is first needed; use it from one thread.

    Args:
        cache_dir: with the weights.
        load: loads a model by the name of its card.
        clock: CPU time so far of everything that the models use, in seconds.
    """

    def __init__(self, cache_dir: Path, *, load: Any = load_whisper, clock: Any = time.process_time) -> None:
        self._load = cache(lambda name: load(name, cache_dir))
        self._clock = clock

    def transcribe(self, windows: Sequence[SpeechWindow], *, is_english: bool) -> Transcript:
        """See `Recogniser.transcribe`."""
        spent: dict[str, float] = {}
        return Transcript(tuple(self._window(window, is_english, spent) for window in windows), spent)

    def decode(self, model: str, windows: Sequence[SpeechWindow], encoded: Sequence[np.ndarray]) -> Transcript:
        """See `Recogniser.decode`."""
        began_seconds, loaded = self._clock(), self._load(model)
        heard = tuple(
            _heard(model, loaded, window, loaded.from_batch(row)) for window, row in zip(windows, encoded, strict=True)
        )
        return Transcript(heard, {model: self._clock() - began_seconds})

    def _window(self, window: SpeechWindow, is_english: bool, spent: dict[str, float]) -> SpokenWindow | None:
        began_seconds = self._clock()
        spectrogram, found = spectrogram_of(window), None
        for name in models_in_turn(is_english=is_english):
            model = self._load(name)
            found = _heard(name, model, window, model.encode(spectrogram))
            ended_seconds = self._clock()
            spent[name] = spent.get(name, 0.0) + ended_seconds - began_seconds
            began_seconds = ended_seconds
            if is_trusted(found):
                break
        return found


def models_in_turn(*, is_english: bool) -> tuple[str, ...]:
    """Return the models to ask until an answer can be trusted; that of the last one counts in any case."""
    return (ENGLISH_MODEL, ANY_MODEL) if is_english else (ANY_MODEL,)


def is_trusted(found: SpokenWindow | None) -> bool:
    """Return whether no other model has to be asked about a window."""
    return found is not None and all(each.score >= _TRUSTED_SCORE for each in found.utterances)


def spectrogram_of(window: SpeechWindow) -> np.ndarray:
    """Return what the models get of a window, (80, 3000) float32."""
    return log_mel(window.samples, SAMPLE_RATE_HZ, _MEL)


def _heard(name: str, model: Whisper, window: SpeechWindow, encoded: Any) -> SpokenWindow | None:
    language, probability = model.language(encoded) if model.is_multilingual else (_ENGLISH, 1.0)
    if probability < MIN_LANGUAGE_PROBABILITY:
        return None
    decoded = model.decode(encoded, language, max_tokens(window.length_seconds))
    found = utterances(model, decoded, window.length_seconds)
    return SpokenWindow(name, language, probability, found) if found else None
