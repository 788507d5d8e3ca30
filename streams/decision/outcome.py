"""From a state to an outcome: the verdict and the feature record, of one version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.evidence import Embedding, Feature, Region
from schemas.facts import Accepted, Review, Signal
from schemas.outcomes import ModalityStates, Outcome, Reason, RecommendationRecord, Reviewed, Verdict, Version
from streams.decision.cost import Prices, price
from streams.decision.decide import Decision, decide, decide_nothing
from streams.decision.policy import Policy
from streams.decision.state import VideoState, modality_states


@dataclass(frozen=True, slots=True)
class FoldContext:
    """What a fold needs in addition to state and fact."""

    policy: Policy
    prices: Prices
    log_generation: int
    now_unix_seconds: float
    decide: Callable[..., Decision] = decide
    """The policy's `decide`; tracing wraps it in a span."""


def make_outcome(state: VideoState, accepted: Accepted, version: Version, context: FoldContext) -> Outcome:
    """Return the outcome of the accepted revision.

    A pending outcome contains no evidence and no features, because early signals would look like a complete result.
    """
    states = modality_states(state)
    signals = [] if state.status == "pending" else winning_signals(state)
    decision = _decision(state, accepted, states, context)
    return Outcome(
        verdict=Verdict(
            video_id=accepted.video_id,
            version=version,
            status=state.status,
            action=state.review.action if state.review else decision.action,
            reasons=(*_review_reasons(state.review), *decision.reasons),
            labels=decision.labels,
            modalities=states,
            market=accepted.market,
            policy=context.policy.label,
            uploaded_unix_seconds=accepted.uploaded_unix_seconds,
            deadline_unix_seconds=accepted.deadline_unix_seconds,
            decided_unix_seconds=context.now_unix_seconds,
            cost=price(signals, context.prices),
            reviewed=_reviewed(state.review, decision),
            regions=joined_regions(signals),
        ),
        record=RecommendationRecord(
            video_id=accepted.video_id,
            version=version,
            status=state.status,
            modalities=states,
            features=joined_features(signals),
            embeddings=joined_embeddings(signals),
            creator_id=accepted.creator_id,
            uploaded_unix_seconds=accepted.uploaded_unix_seconds,
            engagement=state.engagement,
        ),
    )


def _decision(state: VideoState, accepted: Accepted, states: ModalityStates, context: FoldContext) -> Decision:
    if state.status == "pending":
        return decide_nothing(context.policy, states)
    return context.decide(context.policy, state.signals.values(), states, accepted.market, state.engagement)


def _review_reasons(review: Review | None) -> tuple[Reason, ...]:
    if review is None:
        return ()
    return (Reason(action=review.action, words=f"Reviewed by {review.reviewer}: {review.reason or 'no reason given'}"),)


def _reviewed(review: Review | None, decision: Decision) -> Reviewed | None:
    if review is None:
        return None
    return Reviewed(
        reviewer=review.reviewer,
        reason=review.reason,
        event_unix_seconds=review.event_unix_seconds,
        policy_action=decision.action,
    )


def winning_signals(state: VideoState) -> list[Signal]:
    """Return the signals of the current revision, in the order in which they are joined."""
    return [state.signals[modality] for modality in sorted(state.signals)]


def joined_features(signals: list[Signal]) -> dict[str, Feature]:
    """Return the features of the successful signals."""
    return {name: feature for signal in _succeeded(signals) for name, feature in signal.features.items()}


def joined_embeddings(signals: list[Signal]) -> dict[str, Embedding]:
    """Return the embeddings of the successful signals, by space."""
    return {space: embedding for signal in _succeeded(signals) for space, embedding in signal.embeddings.items()}


def joined_regions(signals: list[Signal]) -> tuple[Region, ...]:
    """Return the objects of the successful signals."""
    return tuple(region for signal in _succeeded(signals) for region in signal.regions or ())


def _succeeded(signals: list[Signal]) -> list[Signal]:
    return [signal for signal in signals if signal.status == "ok"]
