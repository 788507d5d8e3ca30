"""Verdicts that people have reviewed, for what learns from them or compares with them."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.evidence import LabelEvidence
from schemas.outcomes import Action, ModalityStates, Reason, Reviewed, Verdict, Version
from streams.decision.cost import Prices, price


def reviewed_verdict(
    action: Action,
    labels: Sequence[LabelEvidence],
    *,
    because: str | None,
    at: float = 1.0,
    is_reviewed: bool = True,
) -> Verdict:
    """A final verdict: a policy asked for a review because of a label, and a person decided."""
    reviewed = Reviewed(reviewer="ann", reason="", event_unix_seconds=at, policy_action="review")
    return Verdict(
        video_id="v",
        version=Version(revision=1, generation=1, offset=1),
        status="final",
        action=action,
        reasons=(Reason(action=action, words="a person"), Reason(action="review", words="it", label=because)),
        labels=tuple(labels),
        modalities=ModalityStates(),
        market=None,
        policy="p",
        uploaded_unix_seconds=0.0,
        deadline_unix_seconds=1.0,
        decided_unix_seconds=1.0,
        cost=price([], Prices(1.0, 1.0, 1.0, 1.0)),
        reviewed=reviewed if is_reviewed else None,
    )
