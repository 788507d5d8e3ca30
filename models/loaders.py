"""Builds each model: those of the product from the cache, added ones by their cards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from torch import nn

from models.card import Card
from models.centerface import load_centerface
from models.efficientnet_lite0 import load_efficientnet_lite0
from models.formats.added_module import load_added_module
from models.nanodet import load_nanodet
from models.opennsfw import load_opennsfw
from models.sentence_embedding import load_sentence_embedding
from models.silero_vad import load_silero_vad
from models.toxicity import load_toxicity
from models.yamnet import load_yamnet

MODULE_LOADERS: Final[dict[str, Callable[[Path], nn.Module]]] = {
    "efficientnet-lite0": load_efficientnet_lite0,
    "opennsfw": load_opennsfw,
    "nanodet-g": load_nanodet,
    "centerface": load_centerface,
    "yamnet": load_yamnet,
    "silero-vad": load_silero_vad,
    "toxic-comment-lstm": load_toxicity,
    "minilm": load_sentence_embedding,
}
"""By the architecture in a card of the product; only batched models."""


def load_module(card: Card, cache_dir: Path) -> nn.Module:
    """Build a batched model: evaluation mode, float32, on the CPU.

    Raises:
        ValueError: the card's model is not batched, or its architecture is unknown.
        WeightsMissing: its weights were never fetched.
        WeightsCorrupt: their hash differs from the card's.
        CardInvalid: the model of an added card contradicts the card.
    """
    if card.is_added:
        return load_added_module(card)
    architecture = card.model.architecture if card.model is not None else card.name
    if architecture not in MODULE_LOADERS:
        raise ValueError(f"model {card.name!r} is of {architecture!r}, batched are {sorted(MODULE_LOADERS)}")
    return MODULE_LOADERS[architecture](cache_dir)
