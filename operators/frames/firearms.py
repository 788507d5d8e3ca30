"""Evidence of firearms over time, from classes of the image classifier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.card import Card
from operators.label_evidence import timed_evidence
from operators.segments import TimeSpan
from schemas.evidence import LabelEvidence


def firearm_evidence(
    card: Card, names: Sequence[str], probabilities: np.ndarray, spans: Sequence[TimeSpan]
) -> tuple[LabelEvidence, ...]:
    """The frames whose probability of any class that the card maps to a label stands out.

    The classes exclude each other, so the probabilities of those that mean one label add up.

    Args:
        card: the classifier's.
        names: K class names.
        probabilities: (N, K) float32, each row sums to 1; N at least 1.
        spans: what each frame stands for.
    """
    return timed_evidence(card, names, probabilities, spans, "sum")
