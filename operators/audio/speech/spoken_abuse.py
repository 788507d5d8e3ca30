"""Abuse in speech: what the models of text say of a transcript, as one label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from schemas.evidence import LabelEvidence

ABUSIVE_SPEECH: Final = "hate-and-harassment/abusive-language/abusive-speech"
_HARMLESS: Final = "profanity/"
"""Swearing alone is no abuse."""


def spoken_abuse(labels: Sequence[LabelEvidence]) -> tuple[LabelEvidence, ...]:
    """Return for each model that found abuse in a transcript its strongest evidence, under the label of speech."""
    models = dict.fromkeys(label.model for label in labels)
    of_models = ([label for label in _abuse(labels) if label.model == model] for model in models)
    return tuple(
        msgspec.structs.replace(max(found, key=_strength), label=ABUSIVE_SPEECH) for found in of_models if found
    )


def _abuse(labels: Iterable[LabelEvidence]) -> Iterable[LabelEvidence]:
    return (label for label in labels if not label.label.startswith(_HARMLESS))


def _strength(label: LabelEvidence) -> tuple[float, float]:
    """What a second model contradicts is weaker than what it confirms."""
    vote = label.second_vote if isinstance(label.second_vote, float) else 1.0
    return min(label.score, vote), label.score
