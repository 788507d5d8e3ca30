"""Labels of abuse in text that was recognised in sound or pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from models.card import Card

ON_SCREEN_ABUSE: Final = "hate-and-harassment/abusive-language/abusive-text-on-screen"
SPOKEN_ABUSE: Final = "hate-and-harassment/abusive-language/abusive-speech"
LABELS_OF_USES: Final[Mapping[str, str]] = {"speech": SPOKEN_ABUSE, "text-recognition": ON_SCREEN_ABUSE}
"""What the models of text say of what the models of some use recognise."""


def recognised_labels(cards: Iterable[Card]) -> frozenset[str]:
    """Return the labels that running models make possible by what they recognise."""
    return frozenset(LABELS_OF_USES[card.use] for card in cards if card.use in LABELS_OF_USES)
