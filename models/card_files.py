"""The check of all files that a card names: in the cache if packaged, in the card's folder if added."""

from __future__ import annotations

from pathlib import Path

from models.added_cards import verify_files
from models.card import Card
from models.card_errors import CardInvalid
from models.weights import WeightsCorrupt, WeightsMissing, weight_path


def verify_card(card: Card, cache_dir: Path) -> None:
    """Check the content of every file of a card.

    Raises:
        WeightsMissing: a packaged file was never fetched.
        WeightsCorrupt: its hash differs from the card's.
        CardInvalid: a file of an added card is missing or altered.
    """
    for file in card.files:
        weight_path(file, cache_dir)
    verify_files(card)


def card_problem(card: Card, cache_dir: Path) -> str | None:
    """Return what is wrong with the files of a card; None if nothing is."""
    try:
        verify_card(card, cache_dir)
    except (CardInvalid, WeightsMissing, WeightsCorrupt) as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error}"
    return None
