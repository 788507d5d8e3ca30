"""Which videos are transcribed: a share by a hash of the id, and those that something else makes suspicious."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from operators.context.text_analysis import TextAnalysis
from schemas.evidence import LabelEvidence

_SUSPICIOUS_SCORE = 0.5
"""Of the linear model for one passage of the upload's text, and of a label of the sound."""


def is_drawn(video_id: str, ratio: float) -> bool:
    """Return whether a video belongs to the share; every analysis of it says the same, and a larger share contains a
    smaller one."""
    number = int.from_bytes(hashlib.sha256(f"speech\x1f{video_id}".encode()).digest()[:6])
    return number < ratio * 256**6


def is_suspicious(text: TextAnalysis, sound: Sequence[LabelEvidence]) -> bool:
    """Return whether the upload's text or the sound is likely to be abusive."""
    scores = [score for _, score in text.scored] + [label.score for label in sound]
    return any(score >= _SUSPICIOUS_SCORE for score in scores)
