"""Evidence of abuse in the text, by two models for English."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

import msgspec
import numpy as np

from models.card import Card
from models.toxicity import LABELS
from operators.context.abuse_items import AbuseItem
from operators.context.lexicon import WARM_SCORE, Lexicon
from operators.context.passages import Passage
from operators.context.text_times import Times, no_times, text_segments
from operators.label_evidence import label_scores, model_name
from operators.segments import unit_score
from schemas.evidence import LabelEvidence, Segment, TextMatch

SHOWN_FROM = 0.5
"""Score from which evidence names its place; a lower one has no effect and would only lengthen every signal."""
MAX_SHOWN_WORDS = 5

_PROFANITY_OUTPUTS: Sequence[str] = ("offensive",)
_WORD = re.compile(r"\w\w+")


Vote = Callable[[Collection[Passage]], float | None]
"""How likely some passages are abusive by a model that does not go by words; None if it cannot say."""


def toxicity_evidence(
    card: Card,
    scores: np.ndarray,
    items: Sequence[AbuseItem],
    lexicon: Lexicon,
    vote: Vote = lambda _passages: None,
    times: Times = no_times,
) -> tuple[LabelEvidence, ...]:
    """Return the network's evidence: for each label the part of the text with the highest score.

    If another part has a lower score and a higher vote, it is evidence, too: a harmless title must not hide the text
    below it.

    Args:
        card: of the toxicity model.
        scores: (N, 6) float32 in [0, 1], one row per item, columns as `models.toxicity.LABELS`.
        items: N items.
        lexicon: the words with their scores.
        vote: the second vote about an item's passages.
        times: of the passages.
    """
    groups = [item.passages for item in items]
    votes = [vote(item.passages) for item in items]
    return tuple(
        _at(_found(card, label, found, place, text_segments(found, groups, times)), items[place].worst,
            lexicon, votes[place])
        for label, found in label_scores(card, LABELS, scores, "max").items()
        for place in _worst(found, votes)
    )  # fmt: skip


def profanity_evidence(
    card: Card,
    scored: Sequence[tuple[Passage, float]],
    lexicon: Lexicon,
    vote: Vote = lambda _passages: None,
    times: Times = no_times,
) -> tuple[LabelEvidence, ...]:
    """Return the linear model's evidence about scored passages, on a label of its own."""
    scores = np.array([[score] for _, score in scored], dtype=np.float32)
    groups = [(passage,) for passage, _ in scored]
    votes = [vote(group) for group in groups]
    return tuple(
        _at(_found(card, label, found, place, text_segments(found, groups, times)), scored[place][0],
            lexicon, votes[place])
        for label, found in label_scores(card, _PROFANITY_OUTPUTS, scores, "max").items()
        for place in _worst(found, votes)
    )  # fmt: skip


def _found(card: Card, label: str, scores: np.ndarray, place: int, segments: tuple[Segment, ...]) -> LabelEvidence:
    return LabelEvidence(label=label, score=unit_score(scores[place]), model=model_name(card), segments=segments)


def _worst(scores: np.ndarray, votes: Sequence[float | None]) -> tuple[int, ...]:
    """Return the place of the highest score, and that of the highest one with a vote as high, if it is another."""
    agreed = np.minimum(scores, [1.0 if vote is None else vote for vote in votes])
    first, second = int(scores.argmax()), int(agreed.argmax())
    return (first,) if first == second or scores[second] < SHOWN_FROM else (first, second)


def _at(evidence: LabelEvidence, passage: Passage, lexicon: Lexicon, vote: float | None) -> LabelEvidence:
    if vote is not None:
        evidence = msgspec.structs.replace(evidence, second_vote=unit_score(vote))
    if evidence.score < SHOWN_FROM:
        return evidence
    words = _heaviest_words(passage.text, lexicon)
    return msgspec.structs.replace(evidence, text=TextMatch(part=passage.part, form=passage.form, words=words))


def _heaviest_words(text: str, lexicon: Lexicon) -> tuple[str, ...]:
    """Return the words with the highest linear scores; the network has none for single words."""
    words = dict.fromkeys(_WORD.findall(text.lower()))
    warm = sorted((-lexicon.warmth(word), word) for word in words if lexicon.warmth(word) >= WARM_SCORE)
    return tuple(word for _, word in warm[:MAX_SHOWN_WORDS])
