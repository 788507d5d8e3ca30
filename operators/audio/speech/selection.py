"""Which videos are transcribed in addition to a drawn share: those that something makes suspicious."""

from __future__ import annotations

from collections.abc import Sequence

from operators.context.text_analysis import TextAnalysis
from schemas.evidence import LabelEvidence

_SUSPICIOUS_SCORE = 0.5
"""Of the linear model for one passage of the upload's text, and of a label of the sound."""


def is_suspicious(text: TextAnalysis, sound: Sequence[LabelEvidence]) -> bool:
    """Return whether the upload's text or the sound is likely to be abusive."""
    scores = [score for _, score in text.scored] + [label.score for label in sound]
    return any(score >= _SUSPICIOUS_SCORE for score in scores)
