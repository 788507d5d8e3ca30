"""The models of the product, by name. Each is a file in `models/cards`; added ones are files, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar, get_args

from models.card import Card, Modality
from models.card_file import read_card
from models.model_input import AudioInput, ClipInput, CropInput, FrameInput, TextInput

CARD_FOLDER: Final = Path(__file__).with_name("cards")
CARD_SUFFIX: Final = ".toml"

_MODALITIES: Final = get_args(Modality)
_Input = TypeVar("_Input", FrameInput, ClipInput, CropInput, AudioInput, TextInput)


def cards_by_name(cards: Iterable[Card]) -> dict[str, Card]:
    """Index cards by name.

    Raises:
        ValueError: two cards have the same name.
    """
    registry: dict[str, Card] = {}
    for card in cards:
        if card.name in registry:
            raise ValueError(f"two cards are named {card.name!r}; names must be unique")
        registry[card.name] = card
    return registry


def in_order(cards: Iterable[Card]) -> list[Card]:
    """Return frames first, then audio, then text; within a modality by name."""
    return sorted(cards, key=lambda card: (_MODALITIES.index(card.modality), card.name))


def card_of_use(use: str, cards: Mapping[str, Card] | None = None) -> Card:
    """Return the model that an operator of the product uses.

    Raises:
        LookupError: no card is for this use.
    """
    found = [card for card in (CARDS if cards is None else cards).values() if card.use == use]
    if not found:
        raise LookupError(f"no card is for the use {use!r}")
    return found[0]


def cards_of_modality(modality: str, cards: Mapping[str, Card]) -> tuple[Card, ...]:
    """Return the models that an agent runs."""
    return tuple(card for card in cards.values() if card.modality == modality)


def prepared_cards(kind: type[_Input], cards: Mapping[str, Card]) -> list[tuple[Card, _Input]]:
    """Return the models for which an agent makes one kind of input, each with that input."""
    return [(card, card.prepared) for card in cards.values() if isinstance(card.prepared, kind)]


CARDS: Final[dict[str, Card]] = cards_by_name(
    in_order(read_card(path, is_added=False) for path in sorted(CARD_FOLDER.glob(f"*{CARD_SUFFIX}")))
)
"""The product's own."""
