"""The choice between two models, and what of their answers is dropped."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.whisper import DecodedSpeech
from operators.audio.speech.packing import SpeechWindow, SpokenPiece
from operators.audio.speech.recogniser import ANY_MODEL, ENGLISH_MODEL, Transcript, WhisperRecogniser

WINDOW = SpeechWindow((SpokenPiece(3.0, np.zeros(32_000, np.float32)),))
SURE, UNSURE = -0.1, -0.9


class FakeWhisper:
    """Answers with one word; `language` is what it takes the sound for."""

    def __init__(self, mean_logprob: float, language: tuple[str, float] | None) -> None:
        self.is_multilingual = language is not None
        self._answer, self._language = DecodedSpeech((1000, ord("w"), ord("o"), 1050), mean_logprob), language

    def encode(self, log_mel: np.ndarray) -> Any:
        assert log_mel.shape == (80, 3000)
        return log_mel

    def language(self, _encoded: Any) -> tuple[str, float]:
        assert self._language is not None
        return self._language

    def decode(self, _encoded: Any, language: str, _max_tokens: int) -> DecodedSpeech:
        assert language == (self._language[0] if self._language else "en")
        return self._answer

    def seconds(self, token: int) -> float | None:
        return (token - 1000) * 0.02 if token >= 1000 else None

    def text(self, tokens: tuple[int, ...]) -> str:
        return "".join(map(chr, tokens))


def asked(
    *, is_english: bool, english: float = SURE, any_model: float = SURE, language: tuple[str, float] = ("de", 0.9)
) -> tuple[Transcript, list[str]]:
    """Return the transcript, and the models that were loaded for it."""
    models = {ENGLISH_MODEL: FakeWhisper(english, None), ANY_MODEL: FakeWhisper(any_model, language)}
    loaded: list[str] = []

    def load(name: str, _cache: Path) -> FakeWhisper:
        loaded.append(name)
        return models[name]

    recogniser = WhisperRecogniser(Path(), load=load)
    return recogniser.transcribe([WINDOW, WINDOW], is_english=is_english), loaded


class TestChoice:
    def test_english_title(self) -> None:
        """The smaller model alone is loaded and answers."""
        transcript, loaded = asked(is_english=True)
        assert {window.model for window in transcript.windows if window} == {ENGLISH_MODEL}
        assert (loaded, list(transcript.cpu_seconds)) == ([ENGLISH_MODEL], [ENGLISH_MODEL])

    def test_another_title(self) -> None:
        """The larger one says the language, too; each is loaded once."""
        transcript, loaded = asked(is_english=False)
        assert [(window.model, window.language) for window in transcript.windows if window] == [(ANY_MODEL, "de")] * 2
        assert loaded == [ANY_MODEL]

    @pytest.mark.parametrize("mean_logprob", [UNSURE, -1.5])
    def test_the_title_may_mislead(self, mean_logprob: float) -> None:
        """An English title over speech in another language: a bad answer is asked again."""
        transcript, loaded = asked(is_english=True, english=mean_logprob)
        assert [window.language for window in transcript.windows if window] == ["de", "de"]
        assert loaded == [ENGLISH_MODEL, ANY_MODEL]


class TestCost:
    @pytest.mark.parametrize("is_english", [True, False])
    def test_nothing_is_left_out(self, is_english: bool) -> None:
        """Models pay for spectrograms and for their loading, so the parts are all CPU time that the thread used."""
        seconds = count()
        english, any_model = FakeWhisper(UNSURE, None), FakeWhisper(SURE, ("de", 0.9))

        def load(name: str, _cache: Path) -> FakeWhisper:
            for _ in range(100):
                next(seconds)
            return english if name == ENGLISH_MODEL else any_model

        recogniser = WhisperRecogniser(Path(), load=load, clock=lambda: float(next(seconds)))
        began_seconds = next(seconds) + 1
        spent = recogniser.transcribe([WINDOW], is_english=is_english).cpu_seconds
        assert sum(spent.values()) == next(seconds) - 1 - began_seconds
        assert all(part > 100 for part in spent.values())

    def test_search_of_a_batch(self) -> None:
        """A model that is loaded for its search for words pays for that, too."""
        seconds = count()

        class Batched(FakeWhisper):
            def from_batch(self, row: np.ndarray) -> Any:
                return row

        def load(_name: str, _cache: Path) -> FakeWhisper:
            for _ in range(100):
                next(seconds)
            return Batched(SURE, None)

        recogniser = WhisperRecogniser(Path(), load=load, clock=lambda: float(next(seconds)))
        spent = recogniser.decode(ENGLISH_MODEL, [WINDOW], [np.zeros((1500, 384), np.float32)]).cpu_seconds
        assert spent[ENGLISH_MODEL] > 100


class TestDropped:
    def test_unknown_language(self) -> None:
        """Below six tenths nothing was said."""
        assert asked(is_english=False, language=("cy", 0.34))[0].windows == (None, None)

    def test_unlikely_words(self) -> None:
        """Nor if the words are unlikely; the cost is stated all the same."""
        transcript, _ = asked(is_english=False, any_model=-1.2)
        assert transcript.windows == (None, None)
        assert list(transcript.cpu_seconds) == [ANY_MODEL]
