"""Audible evidence of violence and emergencies: gunshots, explosions, screams, cries, sirens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.card import Card
from operators.audio.windows import SoundWindow
from operators.label_evidence import label_columns, timed_evidence
from schemas.evidence import LabelEvidence

SUSPECT_SCORE = 0.05
"""Around windows with this score for any label, the sound is looked at in windows half a hop apart. Of the windows of
speech and music hardly any has it; of short sounds on the border of two windows, most have."""


def suspect_windows(card: Card, names: Sequence[str], scores: np.ndarray) -> np.ndarray:
    """Return which of N windows reach `SUSPECT_SCORE` for a label of the card, (N,) bool; arguments as below."""
    columns = sorted({column for found in label_columns(card, names).values() for column in found})
    return np.asarray(scores[:, columns].max(axis=1) >= SUSPECT_SCORE)


def violence_cues(
    card: Card, names: Sequence[str], scores: np.ndarray, windows: Sequence[SoundWindow]
) -> tuple[LabelEvidence, ...]:
    """Return the strongest window and the times above the floor, per label of the card.

    Fireworks, doors and films sound similar: this is a reason to check, not a finding.

    Args:
        card: of the sound classifier, with its mapping from sounds to labels.
        names: K class names.
        scores: (N, K) float32 in [0, 1]; N at least 1.
        windows: N windows, in any order.
    """
    order = sorted(range(len(windows)), key=lambda index: windows[index].span.start_seconds)
    return timed_evidence(card, names, scores[order], [windows[index].span for index in order], "max")
