"""The score of each label as the policy's rules see it, from evidence that is not a signal yet."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from operators.fusion.fusing import Said, fused_evidence
from streams.decision.decide import may_be_fused
from streams.decision.policy import Policy


def label_scores(policy: Policy, said: Iterable[Said]) -> dict[str, float]:
    """Return the highest score of each label; evidence that may cause nothing does not count.

    Args:
        policy: whose fusion makes labels of several modalities' evidence.
        said: evidence of all modalities that have ended.
    """
    counted = [each for each in said if each[1].held_back is UNSET and may_be_fused(policy, each[1])]
    fused = [item for item in fused_evidence(policy.fusion, counted) if item.held_back is UNSET]
    scores: dict[str, float] = {}
    for item in (*(item for _, item in counted), *fused):
        scores[item.label] = max(item.score, scores.get(item.label, 0.0))
    return scores
