"""What a machine without this product needs to measure its accelerator: one folder, to be copied with the source tree.

`python -m ops.bench.device.pack FOLDER` fills it; `python3 -m ops.bench.device FOLDER` uses it there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from models.card import Card
from models.card_registry import CARDS
from models.weights import cached_weight
from operators.inference.reference_inputs import ReferenceInputs

if TYPE_CHECKING:
    from torch import nn

MAX_BYTES: Final = 64 * 2**20
"""Of the folder and the source tree together."""
INPUTS: Final = "inputs.npz"
"""Real inputs of the sample mix, decoded and prepared."""
MIX: Final = "mix.json"
"""Mean number of items of each model in a video of the sample mix."""
WHEELS: Final = "wheels"
RANDOM_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class CarriedModel:
    """A model of the accelerator, with inputs."""

    card: Card
    build: Callable[[], nn.Module]
    items: Sequence[np.ndarray]
    lacks: str = ""
    """Why it is not the trained one; a random one is equally fast, and is compared with itself on the processor."""

    @property
    def has_weights(self) -> bool:
        """Whether it is the trained one."""
        return not self.lacks


def measured_models(folder: Path) -> tuple[CarriedModel, ...]:
    """Return the product's models that may run on CUDA, with the inputs of a folder."""
    inputs = ReferenceInputs(folder / INPUTS)
    return tuple(
        _model(card, folder, inputs.of(card))
        for card in CARDS.values()
        if card.batch_sizes and "cuda" in card.devices and inputs.of(card)
    )


def items_per_video(folder: Path, models: Sequence[CarriedModel]) -> Mapping[str, int]:
    """Return how many items of each model a video of the mix has, at least one."""
    mix = json.loads((folder / MIX).read_text(encoding="utf-8"))
    return {each.card.name: max(1, round(mix.get(each.card.name, 1.0))) for each in models}


def _model(card: Card, folder: Path, items: Sequence[np.ndarray]) -> CarriedModel:
    lacks = _lack(card, folder)
    build = partial(random_module, card) if lacks else partial(_trained, card, folder)
    return CarriedModel(card, build, items, lacks)


def _lack(card: Card, folder: Path) -> str:
    """Return why a model cannot be built with its weights; empty if it can."""
    if not all(cached_weight(file, folder).exists() for file in card.files):
        return "its weights are not carried"
    try:
        _trained(card, folder)
    except ModuleNotFoundError as error:  # of the weights' format
        return str(error)
    return ""


def _trained(card: Card, folder: Path) -> nn.Module:
    from models.loaders import MODULE_LOADERS

    return MODULE_LOADERS[_architecture(card)](folder)


def random_module(card: Card) -> nn.Module:
    """Return a model of the product without its training, the same at every call."""
    import torch

    from models.centerface import CenterFace
    from models.efficientnet_lite0 import EfficientNetLite0
    from models.nanodet import NanoDet
    from models.opennsfw import OpenNsfw
    from models.sentence_embedding import NUM_TOKENS, SentenceEmbedding
    from models.yamnet import YamNet

    made: dict[str, Callable[[], nn.Module]] = {
        "efficientnet-lite0": EfficientNetLite0,
        "opennsfw": OpenNsfw,
        "nanodet-g": NanoDet,
        "centerface": CenterFace,
        "yamnet": YamNet,
        "minilm": partial(SentenceEmbedding, 30_522, max(512, NUM_TOKENS)),
    }
    torch.manual_seed(RANDOM_SEED)
    return made[_architecture(card)]().eval().requires_grad_(False)


def _architecture(card: Card) -> str:
    return card.model.architecture if card.model is not None else card.name
