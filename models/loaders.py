"""How each model of the registry is built from the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from torch import nn

from models.card import Card
from models.efficientnet_lite0 import load_efficientnet_lite0
from models.opennsfw import load_opennsfw
from models.sentence_embedding import load_sentence_embedding
from models.silero_vad import load_silero_vad
from models.toxicity import load_toxicity
from models.yamnet import load_yamnet

MODULE_LOADERS: Final[dict[str, Callable[[Path], nn.Module]]] = {
    "efficientnet-lite0": load_efficientnet_lite0,
    "opennsfw": load_opennsfw,
    "yamnet": load_yamnet,
    "silero-vad": load_silero_vad,
    "toxicity": load_toxicity,
    "all-minilm-l6-v2": load_sentence_embedding,
}
"""Models that are batched on a device, by the name on their card."""


def load_module(card: Card, cache_dir: Path) -> nn.Module:
    """Build a batched model: evaluation mode, float32, on the CPU.

    Raises:
        ValueError: the card is not of a batched model of the registry.
        WeightsMissing: its weights were never fetched.
        WeightsCorrupt: they are not those that the card names.
    """
    if card.name not in MODULE_LOADERS:
        raise ValueError(f"no batched model is named {card.name!r}; there are {sorted(MODULE_LOADERS)}")
    return MODULE_LOADERS[card.name](cache_dir)
