"""The encoder of a speech recogniser on an accelerator, in batches of several videos' windows. It runs in CTranslate2,
which holds the weights for the decoder as well; so it is a place of its own next to the device, not a backend."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol, TypeVar

import numpy as np

from models.card import Card, Precision
from models.whisper import MEL_SHAPE
from operators.errors import DeviceFault, DeviceFull
from operators.inference.backend import Build, DeviceResult
from operators.inference.compute_mode import Engine

Result = TypeVar("Result")

PLACE: Final = "speech-encoder"
"""Name of the place, and of its thread."""
BATCH_SIZES: Final = (1, 2, 4, 8)
_TIMED_RUNS: Final = 2
_FAULTS: Final = ("CUDA", "cuBLAS", "cuDNN")
"""In messages of CTranslate2 about the device; all of its errors are of one type."""
_OUT_OF_MEMORY: Final = "out of memory"


class BatchEncoder(Protocol):
    """What encodes; `models.whisper.Whisper` does."""

    def encode_batch(self, log_mels: np.ndarray) -> np.ndarray:
        """Return (N, 1500, D) float32 for (N, 80, 3000) float32."""
        ...


def encoder_card(card: Card) -> Card:
    """Return the card of a recogniser as that of its encoder: a batched model with one output."""
    return replace(
        card, input_shape=MEL_SHAPE, input_dtype="float32", outputs=("encoded",), batch_sizes=BATCH_SIZES, lengths=()
    )


class SpeechEncoders:
    """Loads encoders by name; implements `Backend`.

    Args:
        load: loads a model by the name of its card, or returns the one that is loaded.
        precision: that it computes in.
        clock: monotonic seconds, by which batches are timed.
    """

    name = PLACE
    num_submitters = 1

    def __init__(
        self, load: Callable[[str], BatchEncoder], precision: Precision, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._load = load
        self._precision = precision
        self._clock = clock

    def load(self, card: Card, build: Build) -> EncoderModel:
        """See `Backend.load`; a module of torch is never built."""
        del build
        return EncoderModel(card, self._load, self._precision, self._clock)


class EncoderModel:
    """One encoder; implements `LoadedModel`."""

    def __init__(
        self,
        card: Card,
        load: Callable[[str], BatchEncoder],
        precision: Precision,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._card = card
        self._load = load
        self._precision = precision
        self._encoder: BatchEncoder | None = None

    @property
    def precision(self) -> Precision:
        """See `LoadedModel.precision`."""
        return self._precision

    @property
    def engine(self) -> Engine:
        """See `LoadedModel.engine`."""
        return "ctranslate2"

    def compile(self) -> None:
        """See `LoadedModel.compile`; there is nothing to compile, so it loads."""
        self._encoder = _on_device(lambda: self._load(self._card.name))

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`."""
        return {size: self._least_seconds(size) for size in self._card.batch_sizes}

    def _least_seconds(self, size: int) -> float:
        batch = np.zeros((size, *self._card.input_shape), np.float32)
        return min(self.run(batch).device_seconds for _ in range(_TIMED_RUNS))

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`; the answer is copied to the host, so the time covers the device's work."""
        encoder = self._encoder
        if encoder is None:
            raise DeviceFault(f"the encoder of {self._card.name} is not loaded")
        began_seconds = self._clock()
        encoded = _on_device(lambda: encoder.encode_batch(batch))
        return DeviceResult((encoded,), self._clock() - began_seconds)

    def close(self) -> None:
        """See `LoadedModel.close`; the decoder may hold the weights."""
        self._encoder = None


def _on_device(work: Callable[[], Result]) -> Result:
    try:
        return work()
    except RuntimeError as error:
        message = str(error)
        if _OUT_OF_MEMORY in message:
            raise DeviceFull(message) from error
        if any(word in message for word in _FAULTS):
            raise DeviceFault(message) from error
        raise
