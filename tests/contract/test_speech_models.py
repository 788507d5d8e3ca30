"""The real models of speech: what they hear, what they invent, and whether they say the same again."""

from __future__ import annotations

import av
import numpy as np
import pytest

from operators.audio.speech.packing import SpeechWindow, SpokenPiece
from operators.audio.speech.recogniser import ANY_MODEL, ENGLISH_MODEL, WhisperRecogniser
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


@pytest.mark.parametrize("level", [0.0, 0.05])
def test_invents_nothing(recogniser: WhisperRecogniser, level: float) -> None:
    """On silence and on hiss, even without the detector of voices before it."""
    assert recogniser.transcribe([noise(level)], is_english=True).windows == (None,)
