"""Models for parts of frames depend on other models: the cards of both are checked together."""

from __future__ import annotations

from collections.abc import Iterable

from models.card import Card
from models.card_errors import refuse
from models.model_input import CropInput
from schemas.near_names import listed, near_word


def check_crops(cards: Iterable[Card]) -> None:
    """Check that the models whose boxes are cut out run, and know the classes.

    Raises:
        CardInvalid: one does not.
    """
    running = list(cards)
    detectors = {card.name: card for card in running if card.boxes is not None}
    for card in running:
        if isinstance(card.prepared, CropInput):
            _check(card, card.prepared, detectors)


def _check(card: Card, crop: CropInput, detectors: dict[str, Card]) -> None:
    assert card.model is not None
    path, detector = card.model.card_path, detectors.get(crop.of)
    if detector is None or detector.boxes is None:
        allowed = f"the name of a running model with an output of boxes: {listed(sorted(detectors)) or 'there is none'}"
        raise refuse(path, "input.of", crop.of, allowed, near_word(crop.of, detectors))
    for index, name in enumerate(crop.classes):
        if name not in detector.boxes.classes:
            allowed = f"one of the {len(detector.boxes.classes)} classes of {crop.of}"
            raise refuse(path, f"input.classes[{index}]", name, allowed, near_word(name, detector.boxes.classes))
