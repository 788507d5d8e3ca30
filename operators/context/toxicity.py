"""Evidence of abuse in the text, by two models that know English words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.card import Card
from models.toxicity import LABELS
from operators.label_evidence import untimed_evidence
from schemas.evidence import LabelEvidence


def toxicity_evidence(card: Card, scores: np.ndarray) -> tuple[LabelEvidence, ...]:
    """The first vote: per label the worst part of the text.

    Args:
        card: the toxicity model's.
        scores: (N, 6) float32 in [0, 1], one row per part of the text, columns as `models.toxicity.LABELS`.
    """
    return untimed_evidence(card, LABELS, scores)


def profanity_evidence(card: Card, score: float) -> tuple[LabelEvidence, ...]:
    """The second vote, on a label of its own, so that a policy may ask for both."""
    return untimed_evidence(card, _PROFANITY_OUTPUTS, np.array([[score]], dtype=np.float32))


_PROFANITY_OUTPUTS: Sequence[str] = ("offensive",)
