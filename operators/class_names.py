"""Class names of the classifiers, in the order of their scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.card import Card
from models.imagenet_labels import load_imagenet_labels
from models.yamnet import load_yamnet_classes


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Class names by classifier."""

    images: tuple[str, ...]
    """ImageNet-1k."""
    sounds: tuple[str, ...]
    """AudioSet, 521 of them."""

    def of(self, card: Card) -> tuple[str, ...]:
        """The words of a card's scores or boxes, by column. Raises ValueError where the card has none."""
        if card.boxes is not None:
            return card.boxes.classes
        if card.scores is None:
            raise ValueError(f"card {card.name!r} has no scores")
        vocabularies = {"imagenet-1k": self.images, "audioset-521": self.sounds}
        return card.scores.classes or vocabularies[card.scores.vocabulary]


def load_class_names(cache_dir: Path) -> ClassNames:
    """Read all of them.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    return ClassNames(images=load_imagenet_labels(cache_dir), sounds=load_yamnet_classes(cache_dir))
