"""The interim outcome of a video whose facts cannot be folded: the last decision, or that of a failed analysis; never
allow.

A pure function of what readers see of the video, because its state is unreliable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced

from operators.internal_errors import INTERNAL_ERROR
from schemas.facts import Failure
from schemas.identity import MODALITIES, Modality
from schemas.outcomes import ModalityStates, Outcome, Reason, RecommendationRecord, Verdict, Version
from streams.decision.cost import Prices, price
from streams.decision.decide import Decision, decide
from streams.decision.policy import Policy
from streams.store.deletion_reach import decode_verdict

_TOLD = "its facts cannot be folded; see `vidsignal show` and the runbook"


@dataclass(frozen=True, slots=True)
class InterimOutcome:
    """What readers see of the video, if it can be decoded."""

    revision: int
    """The newest known revision; 0 without one."""
    expected: tuple[Modality, ...]
    uploaded_unix_seconds: float
    deadline_unix_seconds: float
    verdict: Verdict | None


def served_of(status: Mapping[bytes, bytes], verdict: bytes | None) -> InterimOutcome:
    """Decode the values in Redis; invalid ones are left out."""
    last = decode_verdict(verdict)
    registered = _number(status.get(b"revision"))
    is_newer = last is None or registered > last.version.revision
    return InterimOutcome(
        revision=registered if last is None else max(registered, last.version.revision),
        expected=_expected(status, last),
        uploaded_unix_seconds=_seconds(status.get(b"uploaded_unix_seconds"))
        if is_newer or last is None
        else last.uploaded_unix_seconds,
        deadline_unix_seconds=_seconds(status.get(b"deadline_unix_seconds"))
        if is_newer or last is None
        else last.deadline_unix_seconds,
        verdict=last,
    )


def interim_outcome(
    video_id: str,
    served: InterimOutcome,
    place: tuple[int, int],
    policy: Policy,
    prices: Prices,
    now_unix_seconds: float,
) -> Outcome | None:
    """Return the interim outcome; None if the last decision stays, or nothing is known of the video.

    Args:
        video_id: of the video.
        served: what readers see.
        place: log epoch and offset of the fact that could not be folded.
        policy: its action for a failed modality applies.
        prices: for a cost of nothing.
        now_unix_seconds: time of the decision.
    """
    last = served.verdict
    version = Version(revision=served.revision, generation=place[0], offset=place[1])
    if served.revision == 0 or (last is not None and (_stands(last, served) or last.version >= version)):
        return None
    failure = Failure(cause=INTERNAL_ERROR, message=_TOLD)
    states = ModalityStates(failed=dict.fromkeys(served.expected, failure))
    market = last.market if last is not None and last.version.revision == served.revision else None
    decision = _never_allow(decide(policy, (), states, market))
    verdict = Verdict(
        video_id=video_id,
        version=version,
        status="provisional",
        action=decision.action,
        reasons=decision.reasons,
        labels=(),
        modalities=states,
        market=market,
        policy=policy.label,
        uploaded_unix_seconds=served.uploaded_unix_seconds,
        deadline_unix_seconds=served.deadline_unix_seconds,
        decided_unix_seconds=now_unix_seconds,
        cost=price((), prices),
    )
    return outcome_of(verdict)


def outcome_of(verdict: Verdict) -> Outcome:
    """Return a verdict of this kind with its feature record, which is empty."""
    record = RecommendationRecord(
        video_id=verdict.video_id,
        version=verdict.version,
        status="provisional",
        modalities=verdict.modalities,
        features={},
        embeddings={},
        creator_id=None,
        uploaded_unix_seconds=verdict.uploaded_unix_seconds,
    )
    return Outcome(verdict=verdict, record=record)


def _stands(last: Verdict, served: InterimOutcome) -> bool:
    return last.status != "pending" and last.version.revision == served.revision


def _never_allow(decision: Decision) -> Decision:
    if decision.action != "allow":
        return decision
    reason = Reason(action="review", words=f"Nothing can be decided now ({INTERNAL_ERROR}): {_TOLD}.")
    return replaced(decision, action="review", reasons=(reason, *decision.reasons))


def _expected(status: Mapping[bytes, bytes], last: Verdict | None) -> tuple[Modality, ...]:
    words = status.get(b"expected", b"").decode("utf-8", "replace").split(",")
    found = tuple(modality for modality in MODALITIES if modality in words)
    if found or last is None:
        return found or MODALITIES
    states = last.modalities
    known = {*states.present, *states.absent, *states.missing, *states.failed}
    return tuple(modality for modality in MODALITIES if modality in known) or MODALITIES


def _number(value: bytes | None) -> int:
    return int(value) if value is not None and value.isdigit() else 0


def _seconds(value: bytes | None) -> float:
    try:
        seconds = float(value or 0.0)
    except ValueError:
        return 0.0
    return seconds if seconds >= 0.0 and seconds != float("inf") else 0.0
