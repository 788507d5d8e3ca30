"""Scores of nudity in each frame."""

from __future__ import annotations

import numpy as np

from models.card import Card
from operators.label_evidence import label_scores


def nudity_scores(card: Card, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Return every frame's score of the label that the card maps its one output `nsfw` to.

    The label's own score is the highest of a frame. A maximum over frames grows with their number; thresholds must
    allow for that.

    Args:
        card: of a model with the one output label `nsfw`.
        scores: (N,) float32 in [0, 1], one per frame; N at least 1.
    """
    return label_scores(card, ("nsfw",), scores.reshape(-1, 1), "max")
