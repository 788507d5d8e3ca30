"""Class names of the classifiers, in the order of their scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.card import Card
from models.imagenet_labels import load_imagenet_groups, load_imagenet_labels
from models.yamnet import load_yamnet_classes


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Class names by classifier."""

    images: tuple[str, ...]
    """ImageNet-1k."""
    sounds: tuple[str, ...]
    """AudioSet, 521 of them."""
    image_groups: tuple[str, ...] = ()
    """What each class of ImageNet-1k has in common with others; empty where it stands alone."""

    def of(self, card: Card) -> tuple[str, ...]:
        """The words of a card's scores or boxes, by column. Raises ValueError where the card has none."""
        if card.boxes is not None:
            return card.boxes.classes
        if card.scores is None:
            raise ValueError(f"card {card.name!r} has no scores")
        vocabularies = {"imagenet-1k": self.images, "audioset-521": self.sounds}
        return card.scores.classes or vocabularies[card.scores.vocabulary]

    def groups_of(self, card: Card) -> tuple[str, ...]:
        """Return what each class of a card's scores has in common with others; nothing of other vocabularies."""
        return self.image_groups if card.scores is not None and card.scores.vocabulary == "imagenet-1k" else ()


def load_class_names(cache_dir: Path) -> ClassNames:
    """Read all of them.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    return ClassNames(load_imagenet_labels(cache_dir), load_yamnet_classes(cache_dir), load_imagenet_groups())
