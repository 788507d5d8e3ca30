"""A space is one model: other weights are another space, or their vectors would be compared with the old ones."""

from __future__ import annotations

import re

import pytest

from models.card import Card
from models.card_registry import CARDS
from streams.similarity.query import PICTURE_SPACE

EMBEDDING_CARDS = [card for card in CARDS.values() if card.embedding_space is not None]
GOLDEN = {
    "efficientnet-lite0/1280": "efficientnet-lite0@0.1.0:579344248a93,e46cf9031600",
    "yamnet/1024": "yamnet@0.2.1:cf149c90fc9b,cdf24d193e19",
    "all-minilm-l6-v2/384": "all-minilm-l6-v2@0.1.0:53aa51172d14,be50c3628f2b",
}
"""By space, the fingerprint of the one model that may ever write it. Add rows; change none after a release."""


@pytest.mark.parametrize("card", EMBEDDING_CARDS, ids=lambda card: card.name)
class TestEachSpace:
    def test_belongs_to_the_weights_that_began_it(self, card: Card) -> None:
        """A model with other weights or another version needs a space of another name."""
        assert GOLDEN[str(card.embedding_space)] == card.fingerprint

    def test_says_its_dimensions(self, card: Card) -> None:
        """The name ends in how many numbers a vector has."""
        assert re.fullmatch(r"[a-z0-9.-]+/[1-9][0-9]*", str(card.embedding_space))


def test_no_two_models_share_a_space() -> None:
    """Each space has one card."""
    spaces = [card.embedding_space for card in EMBEDDING_CARDS]
    assert sorted(set(spaces), key=str) == sorted(spaces, key=str)


def test_pictures_have_a_space() -> None:
    """The default space of questions is one that a model writes."""
    assert PICTURE_SPACE in {card.embedding_space for card in EMBEDDING_CARDS}
