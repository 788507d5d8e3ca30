"""The real models of speech: what they hear, what they invent, and whether they say the same again."""

from __future__ import annotations

import math
from functools import cache, partial

import av
import numpy as np
import pytest

from models.card_registry import CARDS
from models.whisper import load_whisper
from operators.audio.speech.packing import SpeechWindow, SpokenPiece
from operators.audio.speech.recogniser import (
    ANY_MODEL,
    ENGLISH_MODEL,
    Transcript,
    WhisperRecogniser,
    spectrogram_of,
)
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.backends.speech_encoder import PLACE, SpeechEncoders, encoder_card
from operators.inference.inference import Inference
from operators.inference.placement import ServerPlace
from operators.inference.request_context import RequestContext
from ops.assets import default_cache_dir

SECONDS = 8


@pytest.fixture(scope="module")
def recogniser() -> WhisperRecogniser:
    return WhisperRecogniser(default_cache_dir())


@pytest.fixture(scope="module")
def speech() -> SpeechWindow:
    """The sample clip of a president's statement."""
    resampler = av.AudioResampler("flt", "mono", 16_000)
    with av.open(default_cache_dir() / "samples" / "obama_speech.mp4") as container:
        parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return SpeechWindow((SpokenPiece(0.0, np.concatenate(parts).astype(np.float32)),))


def noise(level: float) -> SpeechWindow:
    samples = np.random.default_rng(1).normal(0.0, level, SECONDS * 16_000)
    return SpeechWindow((SpokenPiece(0.0, samples.astype(np.float32)),))


@pytest.mark.parametrize(("is_english", "model"), [(True, ENGLISH_MODEL), (False, ANY_MODEL)])
def test_hears_speech(recogniser: WhisperRecogniser, speech: SpeechWindow, is_english: bool, model: str) -> None:
    """The words of the statement, in English, with times within the clip; another recogniser says the same."""
    first, again = (each.transcribe([speech], is_english=is_english) for each in (recogniser, recogniser))
    (window,) = first.windows
    assert window is not None
    assert (window.model, window.language) == (model, "en")
    assert "after two years of negotiations, the United States" in " ".join(each.text for each in window.utterances)
    assert 0.0 <= window.utterances[0].start_seconds < window.utterances[-1].end_seconds <= speech.length_seconds
    assert first.windows == again.windows


async def test_a_batch_says_what_single_windows_say(recogniser: WhisperRecogniser, speech: SpeechWindow) -> None:
    """Encoders in batches, as on an accelerator, here on the processor: each window has the words that it has alone."""
    later = SpeechWindow((SpokenPiece(3.0, speech.pieces[0].samples[3 * 16_000 :]),))
    load = cache(partial(load_whisper, cache_dir=default_cache_dir()))
    cards = [encoder_card(CARDS[name]) for name in (ENGLISH_MODEL, ANY_MODEL)]
    place = ServerPlace(PLACE, frozenset(card.name for card in cards), lambda: SpeechEncoders(load, "float32"))
    inference = await Inference.open(
        cards,
        lambda card: pytest.fail(f"a module of {card.name} was built"),
        open_backend("cpu", BackendConfig()),
        servers=[place],
    )
    try:
        for model, is_english in ((ENGLISH_MODEL, True), (ANY_MODEL, False)):
            spectrograms = [spectrogram_of(window) for window in (speech, later)]
            context = RequestContext("v", "live", math.inf)
            outputs = await inference.batcher(model).submit_many(spectrograms, context)
            found = recogniser.decode(model, [speech, later], [output.values[0] for output in outputs])
            alone = recogniser.transcribe([speech, later], is_english=is_english)
            assert words(found) == words(alone)
            assert words(found) != [[], []]
    finally:
        await inference.close()


def words(found: Transcript) -> list[list[str]]:
    return [[each.text for each in window.utterances] if window else [] for window in found.windows]


@pytest.mark.parametrize("level", [0.0, 0.05])
def test_invents_nothing(recogniser: WhisperRecogniser, level: float) -> None:
    """On silence and on hiss, even without the detector of voices before it."""
    assert recogniser.transcribe([noise(level)], is_english=True).windows == (None,)
