"""Every model that there is, by name. What is not here cannot run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from models.card import Card
from models.cards_audio import AUDIO_CARDS
from models.cards_image import IMAGE_CARDS
from models.cards_text import TEXT_CARDS


def cards_by_name(cards: Iterable[Card]) -> dict[str, Card]:
    """Index cards by name.

    Raises:
        ValueError: two cards bear one name.
    """
    registry: dict[str, Card] = {}
    for card in cards:
        if card.name in registry:
            raise ValueError(f"two cards are named {card.name!r}; names must be unique")
        registry[card.name] = card
    return registry


CARDS: Final[dict[str, Card]] = cards_by_name((*IMAGE_CARDS, *AUDIO_CARDS, *TEXT_CARDS))
"""Frames first, then audio, then text."""
