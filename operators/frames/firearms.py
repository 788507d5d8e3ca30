"""Scores of firearms in each frame, from classes of the image classifier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.card import Card
from operators.label_evidence import label_scores


def firearm_scores(card: Card, names: Sequence[str], probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Return every frame's score of each label that the card maps a class to.

    The classes exclude each other, so the probabilities of classes with the same label are added.

    Args:
        card: of the classifier.
        names: K class names.
        probabilities: (N, K) float32, each row sums to 1; N at least 1.
    """
    return label_scores(card, names, probabilities, "sum")
