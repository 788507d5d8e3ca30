"""How evidence of several modalities becomes the score of one label.

Without a learned head it is a noisy-or (Pearl, "Probabilistic Reasoning in Intelligent Systems", 1988): each group of
sources alone would be right with probability `reliability * score`, independently of the others, and the fused score
is the probability that at least one of them is right. Nothing in it was learned: reliabilities are stated in the
policy. Within a group the strongest source counts, because models of one modality err together.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

Scores = Mapping[str, float]
"""The score of each source label that has evidence."""

_DIGITS = 6
"""Fused scores are rounded, so that machines whose mathematical libraries differ in the last bit agree."""


@dataclass(frozen=True, slots=True)
class FusionHead:
    """A logistic function of the scores of the sources, learned from reviewed verdicts."""

    bias: float
    weights: Mapping[str, float]
    """By source label; none is negative, so that more evidence never lowers a score."""
    until_unix_seconds: float = 0.0
    """Time of the newest review that it was learned from; later ones were not seen."""


@dataclass(frozen=True, slots=True)
class FusionRule:
    """A label that is fused from others."""

    label: str
    version: int
    """Of this rule, named in its evidence."""
    all_of: tuple[Mapping[str, float], ...]
    """Groups of source labels with their reliabilities: the score that a source reaches alone if it is certain. Every
    group must have evidence."""
    least_score: float = 0.2
    """Evidence below it does not count."""
    within_seconds: float | None = None
    """Largest distance in time between pieces of evidence; None: anywhere in the video. Evidence without a time, such
    as that of text, is always near."""
    head: FusionHead | None = None
    """What scores instead of the noisy-or."""
    is_shadow: bool = False
    """Whether the evidence is stated and decides nothing."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The source labels, each once, in the order of the rule."""
        return tuple(dict.fromkeys(label for group in self.all_of for label in group))

    def is_covered_by(self, labels: Collection[str]) -> bool:
        """Return whether every group has a source among some labels."""
        return all(any(label in labels for label in group) for group in self.all_of)


def fused_score(rule: FusionRule, scores: Scores) -> float | None:
    """Return the fused score; None if a group has no evidence.

    Args:
        rule: how to combine them.
        scores: of source labels; those below the rule's least score do not count.
    """
    counted = {label: scores[label] for label in rule.sources if scores.get(label, 0.0) >= rule.least_score}
    parts = [_strongest(group, counted) for group in rule.all_of]
    if not all(parts):
        return None
    return round(_learned(rule.head, counted) if rule.head else _noisy_or(parts), _DIGITS)


def _strongest(group: Mapping[str, float], scores: Scores) -> float:
    return max((reliability * scores.get(label, 0.0) for label, reliability in group.items()), default=0.0)


def _noisy_or(probabilities: Sequence[float]) -> float:
    return 1.0 - math.prod(1.0 - probability for probability in probabilities)


def _learned(head: FusionHead, scores: Scores) -> float:
    log_odds = head.bias + math.fsum(weight * scores.get(label, 0.0) for label, weight in head.weights.items())
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds >= 0 else math.exp(log_odds) / (1.0 + math.exp(log_odds))
