"""Encoders of speech on an accelerator: windows of several videos in one batch, and errors that say whose they are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import numpy as np
import pytest

from models.card_registry import CARDS
from models.whisper import MEL_SHAPE
from operators.errors import DeviceFault, DeviceFull
from operators.inference.backends.speech_encoder import BATCH_SIZES, PLACE, EncoderModel, SpeechEncoders, encoder_card
from operators.inference.inference import Inference
from operators.inference.placement import ServerPlace
from tests.unit.operators.inference.fakes import FakeBackend, context, number, number_card

CARD = encoder_card(CARDS["whisper-base"])


@dataclass
class FakeEncoder:
    """Answers each window with its own mean; notes the sizes of batches."""

    sizes: list[int] = field(default_factory=list)
    error: RuntimeError | None = None

    def encode_batch(self, log_mels: np.ndarray) -> np.ndarray:
        self.sizes.append(len(log_mels))
        if self.error is not None:
            raise self.error
        return np.repeat(log_mels.mean(axis=(1, 2))[:, None, None], 4, axis=2).astype(np.float32)


def window(value: float) -> np.ndarray:
    return np.full(MEL_SHAPE, value, np.float32)


async def opened(encoder: FakeEncoder) -> Inference:
    """A worker whose device runs one model, with encoders next to it."""
    clock = partial(next, count())  # each batch takes as long as any other, whatever its size
    encoders = SpeechEncoders(lambda _name: encoder, "bfloat16", clock)
    place = ServerPlace(PLACE, frozenset((CARD.name,)), lambda: encoders)
    return await Inference.open(
        [number_card("number"), CARD],
        lambda _card: None,  # type: ignore[arg-type,return-value]
        FakeBackend(),
        servers=[place],
    )


async def test_windows_of_several_videos_share_a_batch() -> None:
    """Three videos wait, so one batch of four is computed, and each gets its own answer; the worker's other model runs
    on its device."""
    encoder = FakeEncoder()
    inference = await opened(encoder)
    batcher, warm_ups = inference.batcher(CARD.name), len(encoder.sizes)
    inference.hold("live")
    calls = [asyncio.ensure_future(batcher.submit_many([window(value)], context())) for value in (1.0, 2.0, 3.0)]
    await asyncio.sleep(0)
    inference.hold(None)
    answers = await asyncio.gather(*calls)
    beside = await inference.batcher("number").submit(number(3), context())
    await inference.close()

    assert [float(answer.values[0][0, 0]) for (answer,) in answers] == [1.0, 2.0, 3.0]
    assert encoder.sizes[warm_ups:] == [4]
    assert {answer.batch_items for (answer,) in answers} == {3}
    assert (batcher.mode, batcher.batch_sizes[-1]) == ("ctranslate2-bfloat16", BATCH_SIZES[-1])
    assert beside.values[0].tolist() == 6.0


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("CUDA failed with error out of memory", DeviceFull),
        ("CUDA failed with error an illegal memory access was encountered", DeviceFault),
        ("cuBLAS failed with status CUBLAS_STATUS_EXECUTION_FAILED", DeviceFault),
        ("Invalid input features shape", RuntimeError),
    ],
)
def test_an_error_says_whose_it_is(message: str, expected: type[Exception]) -> None:
    """Of the device, which gets a new runner, or of the batch, in which the item is looked for."""
    encoder = FakeEncoder()
    model = EncoderModel(CARD, lambda _name: encoder, "float32")
    model.compile()
    encoder.error = RuntimeError(message)
    with pytest.raises(expected) as caught:
        model.run(np.stack([window(1.0)]))
    assert type(caught.value) is expected


def test_a_closed_one_does_not_run() -> None:
    """Nothing is encoded before it is loaded and after it is closed."""
    model = EncoderModel(CARD, lambda _name: FakeEncoder(), "float32")
    with pytest.raises(DeviceFault, match="not loaded"):
        model.run(np.stack([window(1.0)]))
    model.compile()
    model.close()
    model.close()
    with pytest.raises(DeviceFault, match="not loaded"):
        model.run(np.stack([window(1.0)]))
