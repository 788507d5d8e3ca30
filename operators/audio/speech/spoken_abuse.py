"""Abuse in speech: what the models of text say of a transcript, as one label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from operators.context.recognised_abuse import recognised_abuse
from operators.context.recognised_labels import SPOKEN_ABUSE
from schemas.evidence import LabelEvidence

ABUSIVE_SPEECH: Final = SPOKEN_ABUSE


def spoken_abuse(labels: Sequence[LabelEvidence]) -> tuple[LabelEvidence, ...]:
    """Return for each model that found abuse in a transcript its strongest evidence, under the label of speech."""
    return recognised_abuse(labels, ABUSIVE_SPEECH)
