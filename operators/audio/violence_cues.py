"""Audible evidence of violence: gunshots, explosions, screams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.card import Card
from operators.audio.windows import SoundWindow
from operators.label_evidence import timed_evidence
from schemas.evidence import LabelEvidence


def violence_cues(
    card: Card, names: Sequence[str], scores: np.ndarray, windows: Sequence[SoundWindow]
) -> tuple[LabelEvidence, ...]:
    """Return the strongest window and the times above the floor, per label of the card.

    Fireworks, doors and films sound similar: this is a reason to check, not a finding.

    Args:
        card: of the sound classifier, with its mapping from sounds to labels.
        names: K class names.
        scores: (N, K) float32 in [0, 1]; N at least 1.
        windows: N windows, by start.
    """
    return timed_evidence(card, names, scores, [window.span for window in windows], "max")
