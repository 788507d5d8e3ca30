"""Evidence of abuse in the text, by two models for English."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import numpy as np

from models.card import Card
from models.toxicity import LABELS
from operators.context.abuse_items import AbuseItem
from operators.context.lexicon import WARM_SCORE, Lexicon
from operators.context.passages import Passage
from operators.label_evidence import label_columns, untimed_evidence
from schemas.evidence import LabelEvidence, TextMatch

SHOWN_FROM = 0.5
"""Score from which evidence names its place; a lower one has no effect and would only lengthen every signal."""
MAX_SHOWN_WORDS = 5

_PROFANITY_OUTPUTS: Sequence[str] = ("offensive",)
_WORD = re.compile(r"\w\w+")


def toxicity_evidence(
    card: Card, scores: np.ndarray, items: Sequence[AbuseItem], lexicon: Lexicon
) -> tuple[LabelEvidence, ...]:
    """Return the network's evidence: for each label the part of the text with the highest score.

    Args:
        card: of the toxicity model.
        scores: (N, 6) float32 in [0, 1], one row per item, columns as `models.toxicity.LABELS`.
        items: N items.
        lexicon: the words with their scores.
    """
    columns = label_columns(card, LABELS)
    worst = {label: int(scores[:, list(found)].max(axis=1).argmax()) for label, found in columns.items()}
    return tuple(
        _at(evidence, items[worst[evidence.label]].worst, lexicon)
        for evidence in untimed_evidence(card, LABELS, scores)
    )


def profanity_evidence(card: Card, worst: tuple[Passage, float], lexicon: Lexicon) -> tuple[LabelEvidence, ...]:
    """Return the linear model's evidence, on a label of its own, so that a policy may require both."""
    passage, score = worst
    found = untimed_evidence(card, _PROFANITY_OUTPUTS, np.array([[score]], dtype=np.float32))
    return tuple(_at(evidence, passage, lexicon) for evidence in found)


def _at(evidence: LabelEvidence, passage: Passage, lexicon: Lexicon) -> LabelEvidence:
    if evidence.score < SHOWN_FROM:
        return evidence
    words = _heaviest_words(passage.text, lexicon)
    return msgspec.structs.replace(evidence, text=TextMatch(part=passage.part, form=passage.form, words=words))


def _heaviest_words(text: str, lexicon: Lexicon) -> tuple[str, ...]:
    """Return the words with the highest linear scores; the network has none for single words."""
    words = dict.fromkeys(_WORD.findall(text.lower()))
    warm = sorted((-lexicon.warmth(word), word) for word in words if lexicon.warmth(word) >= WARM_SCORE)
    return tuple(word for _, word in warm[:MAX_SHOWN_WORDS])
