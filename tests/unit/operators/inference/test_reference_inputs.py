"""Added models are measured on real pictures as well, in the shape that their cards state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.card import Card, ModelSource
from models.model_input import AudioInput, ClipInput, CropInput, FrameInput
from operators.inference.backend import BackendConfig
from operators.inference.backends.cpu import CpuBackend
from operators.inference.compute_mode import MODES
from operators.inference.mode_limits import ModeLimits
from operators.inference.reference_inputs import FILE_NAME, ReferenceInputs
from tests.unit.operators.inference.fakes import number_card

FRAME = FrameInput(32, "shorter-side", 32)
ADDED = replace(
    number_card("mine"), model=ModelSource("transformers", Path("card.toml")), precisions=("bfloat16", "float32"),
    input_dtype="uint8",
)  # fmt: skip


@pytest.fixture
def inputs(tmp_path: Path) -> ReferenceInputs:
    """Twelve pictures of the product's own model, each of one shade."""
    shades = np.arange(12, dtype=np.uint8).reshape(-1, 1, 1, 1) * 20
    np.savez(tmp_path / FILE_NAME, **{"efficientnet-lite0": np.broadcast_to(shades, (12, 224, 224, 3))})
    return ReferenceInputs(tmp_path / FILE_NAME)


@pytest.mark.parametrize(
    ("prepared", "shape"),
    [
        (FRAME, (32, 32, 3)),
        (CropInput(FRAME, of="finder", classes=(), max_crops=4, margin_ratio=0.0), (32, 32, 3)),
        (ClipInput(FRAME, num_frames=16, max_clips=4), (16, 32, 32, 3)),
    ],
)
def test_pictures_are_those_of_the_product(
    inputs: ReferenceInputs, prepared: FrameInput | CropInput | ClipInput, shape: tuple[int, ...]
) -> None:
    """Scaled as the card says, different from each other, and few: a large model takes seconds for one."""
    found = inputs.of(replace(ADDED, prepared=prepared, input_shape=shape))
    assert [(item.shape, item.dtype) for item in found] == [(shape, np.uint8)] * 8
    assert len({item.tobytes() for item in found}) == 8


def test_sound_has_none(inputs: ReferenceInputs) -> None:
    """It runs in the first precision of its card, as before."""
    assert inputs.of(replace(ADDED, prepared=AudioInput(16_000, 16_000), input_shape=(16_000,))) == ()


def test_without_the_file_there_are_none(tmp_path: Path) -> None:
    """As in an image."""
    card = replace(ADDED, prepared=FRAME, input_shape=(32, 32, 3))
    assert ReferenceInputs(tmp_path / FILE_NAME).of(card) == ()


def modes(card: Card, *words: str) -> tuple[str, ...]:
    config = BackendConfig(
        cpu_bfloat16=True, openvino_precisions=("float32", "bfloat16"), limits=ModeLimits.from_words(words)
    )
    return tuple(map(str, CpuBackend(config).mode_question(card, lambda: pytest.fail("not needed")).modes))


def test_added_models_stay_in_torch() -> None:
    """Nobody has checked that a conversion keeps their branches. A limit on engines is one on precisions to them."""
    plain, reduced = str(MODES[0]), str(MODES[1])
    assert modes(ADDED) == (reduced, plain)
    assert modes(ADDED, "openvino") == (reduced, plain)
    assert modes(ADDED, "openvino-float32") == (plain,)
    assert modes(replace(ADDED, precisions=("float32",))) == (plain,)
