"""Evidence of nudity over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.card import Card
from operators.label_evidence import timed_evidence
from operators.segments import TimeSpan
from schemas.evidence import LabelEvidence


def nudity_evidence(card: Card, scores: np.ndarray, spans: Sequence[TimeSpan]) -> tuple[LabelEvidence, ...]:
    """The strongest frame's score and the runs of frames above the floor.

    A maximum over frames grows with their number: thresholds must leave room for that.

    Args:
        card: of a model with the one output label `nsfw`.
        scores: (N,) float32 in [0, 1], one a sampled frame; N at least 1.
        spans: what each frame stands for.
    """
    return timed_evidence(card, ("nsfw",), scores.reshape(-1, 1), spans, "max")
