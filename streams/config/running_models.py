"""The models that run by the settings of a process: the product's own and added ones."""

from __future__ import annotations

from models.added_cards import CardSettings, installed_cards
from models.card import Card
from streams.config.settings import Settings


def running_cards(settings: Settings) -> dict[str, Card]:
    """Read the cards, by name. Raises models.card_errors.CardInvalid where one is wrong or two contradict."""
    return installed_cards(card_settings(settings))


def card_settings(settings: Settings) -> CardSettings:
    """What the settings say of cards."""
    return CardSettings(
        folders=settings.model_cards,
        trusted_folders=settings.trusted_model_folders,
        licences=settings.model_licences,
        off=settings.models_off,
    )
