"""The models that a process runs by its settings: those of the product and added ones."""

from __future__ import annotations

from models.added_cards import CardSettings, installed_cards
from models.card import Card
from streams.config.settings import Settings


def running_cards(settings: Settings) -> dict[str, Card]:
    """Read the cards; return them by name. Raises models.card_errors.CardInvalid if one is wrong or two conflict."""
    return installed_cards(card_settings(settings))


def card_settings(settings: Settings) -> CardSettings:
    """Return the settings of cards."""
    return CardSettings(
        folders=settings.model_cards,
        trusted_folders=settings.trusted_model_folders,
        licences=settings.model_licences,
        off=settings.models_off,
    )
