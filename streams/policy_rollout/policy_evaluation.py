"""Evaluates a policy for a decided video: calls the fold itself and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.facts import PolicyChanged
from schemas.outcomes import Action
from streams.decision.cost import Prices
from streams.decision.fold import IgnoredCause, fold
from streams.decision.outcome import FoldContext
from streams.decision.policy import Policy
from streams.policy_rollout.past_verdicts import PastVerdict
from streams.store.stored_case import StoredVideo

WhyNot = IgnoredCause | Literal["up-to-date"]
"""Why a video is skipped: the fold's reason, or because the store has a verdict under this policy already."""


@dataclass(frozen=True, slots=True)
class PolicyEvaluator:
    """What current workers decide with."""

    policy: Policy
    prices: Prices
    now_unix_seconds: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An earlier verdict, and the action that it will have."""

    verdict: PastVerdict
    fact: PolicyChanged
    action: Action
    is_reviewed: bool
    """Whether a person decided; then that action stays."""


def judge(verdict: PastVerdict, stored: StoredVideo, by: PolicyEvaluator) -> Evaluation | WhyNot:
    """Fold the fact into the stored state, as the next record of the log.

    Args:
        verdict: from the topic.
        stored: from the store.
        by: the policy and its context.

    Returns:
        The next verdict, or why there will be none.
    """
    state, outcome = stored.state, stored.outcome
    if outcome is not None and outcome.version >= verdict.version and outcome.verdict.policy == by.policy.label:
        return "up-to-date"
    fact = PolicyChanged(
        video_id=verdict.video_id,
        revision=verdict.version.revision,
        policy=by.policy.label,
        event_unix_seconds=by.now_unix_seconds,
    )
    generation, offset = (state.log_generation, state.applied_offset + 1) if state else (0, 0)
    folded = fold(state, fact, offset, FoldContext(by.policy, by.prices, generation, by.now_unix_seconds))
    if folded.ignored is not None:
        return folded.ignored
    assert folded.outcome is not None
    found = folded.outcome.verdict
    return Evaluation(verdict, fact, found.action, is_reviewed=found.reviewed is not None)
