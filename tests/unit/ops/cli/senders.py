"""Short ways to spell what Redis says to a sender."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ops.cli.upload_ending import PublishedUpload, SenderReading, StatusReading
from schemas.facts import SourceOffset
from schemas.outcomes import Verdict
from streams.decision.fold import fold
from streams.decision.outcome import FoldContext
from streams.store.refusal_reading import Refusal
from tests.integration.verdict_world import RULESET
from tests.sample_facts import accepted, signal

TOPIC = "video.uploaded"
NOTHING = SenderReading(StatusReading(), None, (), None)


def verdict(decided_unix_seconds: float = 100.0) -> Verdict:
    """A final verdict."""
    context = FoldContext(RULESET.policy, RULESET.prices, 0, decided_unix_seconds)
    state = fold(None, accepted(expected=("frames",)), 1, context).state
    outcome = fold(state, signal(), 2, context).outcome
    assert outcome is not None
    return replace(outcome.verdict, decided_unix_seconds=decided_unix_seconds)


def refusal(offset: int = 7, *, role: str = "intake", seconds: float = 50.0, **fields: Any) -> Refusal:
    """Of the event at an offset."""
    values: dict[str, Any] = {"cause": "event-invalid", "message": "no", "advice": "correct it"}
    return Refusal(
        dead_letter_id=f"letter-{offset}",
        role=role,
        upload=SourceOffset(topic=TOPIC, partition=0, offset=offset),
        refused_unix_seconds=seconds,
        **{**values, **fields},
    )


def status(word: str = "final", revision: int = 1, offset: int = 2, *, has_failures: bool = False) -> StatusReading:
    """A case."""
    return StatusReading(word, revision, ("0", str(offset)), has_failures)


def reading(
    case: StatusReading | None = None, *refusals: Refusal, decided_unix_seconds: float = 100.0, **fields: Any
) -> SenderReading:
    """A case with its verdict where it is final, and refusals next to it."""
    case = case or StatusReading()
    said = verdict(decided_unix_seconds) if case.status == "final" else None
    return SenderReading(case, said, refusals, fields.get("deletion"))


def upload(revision: int = 1, offset: int = 7, earlier: StatusReading | None = None) -> PublishedUpload:
    """As the broker confirmed it."""
    return PublishedUpload("video-1", revision, TOPIC, 0, offset, earlier or StatusReading())
