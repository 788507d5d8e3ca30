"""Metrics of verdicts: decisions, their labels, delay, and amendments."""

from __future__ import annotations

from msgspec import UNSET

from schemas.evidence import SHADOW
from schemas.facts import Fact
from schemas.identity import Lane, Market, Modality
from schemas.labels import LABEL_PATHS, LABELS
from schemas.markets import MARKETS
from schemas.outcomes import ModalityStates, Outcome, OutcomeStatus, Verdict
from schemas.warnings import EventWarning
from streams.decision.fact_reading import kind_of
from streams.decision.fold import Folded
from streams.decision.state import VideoState
from streams.decision.warned import KINDS_OF_THE_LOG
from streams.observability import metrics


def count_decision(before: Outcome | None, after: Outcome | None) -> None:
    """Count the effects of a fold that was written.

    A decision counts when it is made and whenever its action changes; an amendment whenever a decided verdict changes
    its status, action, evidence or modalities. A new engagement summary is neither.

    Args:
        before: the outcome stored before; None without one.
        after: the new outcome; None if the fold made none.
    """
    if after is None or after.verdict.status == "pending":
        return
    earlier, verdict = _decided(before, after.verdict), after.verdict
    if earlier is None:
        _count_modalities(verdict.modalities)
        _count_fused(verdict)
    elif _is_new(earlier, verdict):
        action = "kept" if earlier.action == verdict.action else "changed"
        metrics.AMENDMENTS.labels(earlier.status, verdict.status, action).inc()
    if earlier is None or earlier.action != verdict.action:
        _count_action(verdict, earlier.action if earlier else "none")


def observe_delay(before: Outcome | None, after: Outcome | None, lane: Lane, now_unix_seconds: float) -> None:
    """Observe the time from the upload to a published verdict, once for each status that a revision reaches.

    Later publications of the same status, such as those with newer engagement, are not observed.
    """
    if after is None or (before is not None and _standing(before) == _standing(after)):
        return
    verdict = after.verdict
    delay_seconds = max(0.0, now_unix_seconds - verdict.uploaded_unix_seconds)
    metrics.VERDICT_LATENCY_SECONDS.labels(verdict.status, lane).observe(delay_seconds)


def count_warnings(before: VideoState | None, after: VideoState | None) -> None:
    """Count warnings that a fold found in the log; intake counts those of a single event."""
    known = _warnings_of(before)
    for warning in _warnings_of(after):
        if warning.kind in KINDS_OF_THE_LOG and warning not in known:
            metrics.EVENT_WARNINGS.labels(warning.kind).inc()


def count_ignored(fact: Fact, folded: Folded) -> None:
    """Count a fact that changed nothing, by reason."""
    if folded.ignored:
        metrics.FACTS_IGNORED.labels(kind_of(fact), folded.ignored).inc()


def count_cost(before: Outcome | None, after: Outcome | None) -> None:
    """Count the cost of a revision once, with its first final verdict; amendments are not counted."""
    if after is None or after.verdict.status != "final":
        return
    if before is None or before.verdict.status != "final" or before.version.revision != after.version.revision:
        cost = after.verdict.cost
        metrics.COST_USD.inc(cost.usd)
        metrics.ENERGY_JOULES.inc(cost.joules)
        metrics.VIDEO_COST_USD.observe(cost.usd)


def market_label(market: Market | None) -> str:
    """Return the value of a metric's label: an existing market, `other` or `none`."""
    if market is None:
        return "none"
    return market if market in MARKETS else "other"


def modality_states(states: ModalityStates) -> list[tuple[Modality, str]]:
    """Return each expected modality with its state."""
    named = {"present": states.present, "absent": states.absent, "missing": states.missing, "failed": states.failed}
    return [(modality, state) for state, modalities in named.items() for modality in modalities]


def _warnings_of(state: VideoState | None) -> tuple[EventWarning, ...]:
    if state is None:
        return ()
    return (*(state.accepted.warnings if state.accepted else ()), *state.deletion_warnings)


def _standing(outcome: Outcome) -> tuple[int, OutcomeStatus]:
    return outcome.version.revision, outcome.verdict.status


def _decided(before: Outcome | None, verdict: Verdict) -> Verdict | None:
    """Return the previous decided verdict of the same revision, or None."""
    if before is None or before.verdict.status == "pending":
        return None
    return before.verdict if before.version.revision == verdict.version.revision else None


def _is_new(earlier: Verdict, verdict: Verdict) -> bool:
    said = (verdict.status, verdict.action, verdict.labels, verdict.modalities)
    return said != (earlier.status, earlier.action, earlier.labels, earlier.modalities)


def _count_modalities(states: ModalityStates) -> None:
    for modality, state in modality_states(states):
        metrics.DECIDED_MODALITIES.labels(modality, state).inc()


def _count_fused(verdict: Verdict) -> None:
    fused = {(item.label, item.held_back == SHADOW) for item in verdict.labels if item.fused_from is not UNSET}
    for label, is_shadow in fused:
        state = "shadow" if is_shadow else "decides"
        metrics.FUSED_LABELS.labels(label if label in LABELS else "other", state).inc()


def _count_action(verdict: Verdict, was: str) -> None:
    market = market_label(verdict.market)
    if verdict.reviewed is not None:
        metrics.DECISIONS.labels(verdict.action, was, "person", market).inc()
        return
    metrics.DECISIONS.labels(verdict.action, was, "policy", market).inc()
    for label in {reason.label for reason in verdict.reasons if reason.label is not None}:
        metrics.DECISION_LABELS.labels(label if label in LABEL_PATHS else "other", market).inc()
