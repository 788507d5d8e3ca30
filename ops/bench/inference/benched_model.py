"""What a competitor runs: one model with fixed batch sizes, and items for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.card import Card
from models.card_registry import CARDS
from ops.bench.arithmetic_card import arithmetic_card

if TYPE_CHECKING:
    from torch import nn

    from operators.inference.backend import Backend, LoadedModel
    from operators.inference.cpu_probe import CpuCapabilities
    from streams.config.settings import Settings

BRIEF_MODEL: Final = "one-millisecond"
"""A model whose batches take a millisecond of one core, so that overhead decides."""
BRIEF_ITEM_VALUES: Final = 256
BRIEF_BATCH_SIZES: Final = (1, 4, 8, 16)
NUM_ITEMS: Final = 64
"""Different items; enough that no cache holds them all in the fastest level."""
_MAX_TOKEN: Final = 100
"""All vocabularies are larger."""
_PIXEL_VALUES: Final = 256


@dataclass(frozen=True, slots=True)
class BenchedModel:
    """Names a model for a process; equal for all competitors."""

    model: str
    """Name of a card, or `BRIEF_MODEL`."""
    multiplications: int = 1
    """Of the brief model, in a batch."""
    sizes: tuple[int, ...] = ()
    """Permitted batch sizes; empty: those that Vidsignal selects after its warm-up."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields, for another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> BenchedModel:
        """Return the benched that `as_json` described."""
        return cls(fields["model"], fields["multiplications"], tuple(fields["sizes"]))

    @property
    def card(self) -> Card:
        """Card of the model."""
        return CARDS[self.model] if self.model != BRIEF_MODEL else _brief_card(self.multiplications)


def _brief_card(multiplications: int) -> Card:
    return arithmetic_card(
        BRIEF_MODEL,
        "takes a millisecond a batch",
        version=str(multiplications),
        input_shape=(BRIEF_ITEM_VALUES,),
        input_dtype="float32",
        outputs=("numbers",),
        batch_sizes=BRIEF_BATCH_SIZES,
    )


def items_of(card: Card) -> list[np.ndarray]:
    """Return items of noise; texts have a length as titles have, with zeros behind."""
    noise = np.random.default_rng(1)
    return [_item(card, noise) for _ in range(NUM_ITEMS)]


def _item(card: Card, noise: np.random.Generator) -> np.ndarray:
    if card.input_dtype == "uint8":
        return noise.integers(0, _PIXEL_VALUES, card.input_shape, dtype=np.uint8)
    if card.input_dtype == "float32":
        return (0.1 * noise.standard_normal(card.input_shape)).astype(np.float32)
    item = np.zeros(card.input_shape, dtype=np.int64)
    length = int(noise.integers(6, max(7, item.size // 3)))
    item[:length] = noise.integers(1, _MAX_TOKEN, length)
    return item


def open_cpu_backend(settings: Settings, capabilities: CpuCapabilities, benched: BenchedModel) -> Backend:
    """Return the CPU backend as a worker opens it; its cache holds compiled models of cards only."""
    from operators.inference.backend_registry import open_backend
    from streams.analysis.backend_config import backend_config
    from streams.lifecycle.private_cache import private_cache

    kept = None if benched.model == BRIEF_MODEL else private_cache(settings)
    return open_backend("cpu", backend_config(settings, capabilities, kept))


def build_module(settings: Settings, benched: BenchedModel) -> nn.Module:
    """Return the model's module."""
    if benched.model == BRIEF_MODEL:
        from ops.bench.inference.brief_model import BriefModel

        return BriefModel(BRIEF_ITEM_VALUES, benched.multiplications)
    from models.loaders import load_module

    return load_module(benched.card, settings.cache_dir)


def load_benched_model(settings: Settings, capabilities: CpuCapabilities, benched: BenchedModel) -> LoadedModel:
    """Load, compile and warm up the model without Vidsignal's batcher."""
    backend = open_cpu_backend(settings, capabilities, benched)
    loaded = backend.load(benched.card, lambda: build_module(settings, benched))
    loaded.compile()
    loaded.warm_up()
    return loaded


def padded(rows: list[np.ndarray], sizes: tuple[int, ...], card: Card) -> np.ndarray:
    """Stack rows to the smallest permitted batch size, with zeros behind them."""
    size = next(size for size in sizes if size >= len(rows))
    batch = np.zeros((size, *card.input_shape), dtype=card.input_dtype)
    np.stack(rows, out=batch[: len(rows)])
    return batch
