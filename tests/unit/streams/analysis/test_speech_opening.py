"""Where the models of speech run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from models.card_registry import CARDS
from models.whisper import MEL_SHAPE, MODE
from operators.inference.backends.speech_encoder import PLACE
from streams.analysis.speech_opening import batched_models, find_speech_models
from streams.config.settings import read_settings

WHISPERS = [CARDS["whisper-tiny-en"], CARDS["whisper-base"]]


@dataclass
class FakeWhisper:
    """Encodes, or fails as CTranslate2 does without a library."""

    error: RuntimeError | None = None

    def encode_batch(self, log_mels: np.ndarray) -> np.ndarray:
        if self.error is not None:
            raise self.error
        return log_mels


def loading(error: RuntimeError | None = None) -> Any:
    return lambda _name: FakeWhisper(error)


def test_on_an_accelerator() -> None:
    """Both encoders are batched models of a place next to the device, and the mode reports it."""
    found = batched_models(loading(), "bfloat16", WHISPERS)
    assert found is not None
    assert [(card.name, card.input_shape, card.outputs) for card in found.cards] == [
        ("whisper-tiny-en", MEL_SHAPE, ("encoded",)),
        ("whisper-base", MEL_SHAPE, ("encoded",)),
    ]
    assert [(place.name, sorted(place.models)) for place in found.places] == [
        (PLACE, ["whisper-base", "whisper-tiny-en"])
    ]
    assert found.mode == "ctranslate2-bfloat16"


def test_an_accelerator_that_cannot_be_used() -> None:
    """A missing library does not end the start of a worker."""
    error = RuntimeError("Library libcublas.so.12 is not found or cannot be loaded")
    assert batched_models(loading(error), "bfloat16", WHISPERS) is None


@pytest.mark.parametrize("device", ["cpu", "neuron"])
def test_elsewhere(device: str) -> None:
    """On a processor, window by window; nothing is loaded before it is needed."""
    found = find_speech_models(read_settings(), CARDS, device)
    assert found is not None
    assert (found.mode, found.cards, found.places) == (MODE, (), ())


def test_off() -> None:
    """A ratio of 0 turns speech off."""
    assert find_speech_models(read_settings(speech_ratio=0), CARDS, "cpu") is None
