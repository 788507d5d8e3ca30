"""Evidence of abuse by comparison with prototypes, and the second vote that it gives to models of single words."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
import numpy as np

from operators.context.compared_texts import ComparedText
from operators.context.passages import Passage
from operators.context.prototype_scorer import ComparesTexts, PrototypeScores
from operators.context.text_times import Times, no_times, text_segments
from operators.segments import unit_score
from schemas.evidence import LabelEvidence, TextMatch

_SHOWN_FROM = 0.5


class ComparedScores:
    """The scores of an upload's compared texts.

    Args:
        scorer: the prototypes.
        texts: N compared texts, at least one.
        vectors: (N, D) float32, their embeddings, of length one.
    """

    def __init__(self, scorer: ComparesTexts, texts: Sequence[ComparedText], vectors: np.ndarray) -> None:
        self._model = scorer.prototypes.model_name
        self._texts = texts
        self._scores: PrototypeScores = scorer(vectors)
        self._votes: dict[Passage, float] = {}
        for text, score in zip(texts, self._scores.abuse, strict=True):
            self._votes[text.passage] = max(float(score), self._votes.get(text.passage, 0.0))

    def evidence(self, times: Times = no_times) -> tuple[LabelEvidence, ...]:
        """Return for each label the text with the highest score, and when texts with a high one were said or seen."""
        return tuple(self._evidence(label, scores, times) for label, scores in self._scores.by_label.items())

    def vote(self, passages: Collection[Passage]) -> float | None:
        """Return the highest score for abuse of any kind in some passages; None unless all of them were compared."""
        votes = [self._votes.get(passage) for passage in passages]
        known = [vote for vote in votes if vote is not None]
        return max(known) if known and len(known) == len(votes) else None

    def _evidence(self, label: str, scores: np.ndarray, times: Times) -> LabelEvidence:
        worst = int(scores.argmax())
        segments = text_segments(scores, [(text.passage,) for text in self._texts], times)
        found = LabelEvidence(label=label, score=unit_score(scores[worst]), model=self._model, segments=segments)
        if found.score < _SHOWN_FROM:
            return found
        passage = self._texts[worst].passage
        return msgspec.structs.replace(found, text=TextMatch(part=passage.part, form=passage.form))


def no_vote(_passages: Collection[Passage]) -> None:
    """Stand in for `ComparedScores.vote` where nothing was compared."""
