"""Facts, policies and steps that tests of the fold share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from schemas.facts import Deleted, EngagementSummary, Fact, PolicyChanged, Review
from schemas.outcomes import Action, Outcome
from streams.decision.cost import Prices
from streams.decision.fold import Folded, fold
from streams.decision.outcome import FoldContext
from streams.decision.policy import Rule
from streams.decision.policy_file import load_policy
from streams.decision.state import VideoState
from tests.sample_facts import EXPECTED, VIDEO_ID, signal

NUDITY = "sexual/explicit/nudity"
POLICY = load_policy(None)
STRICT = replace(
    POLICY,
    version=2,
    rules={NUDITY: Rule(NUDITY, {"block": 0.5})},
    when_missing=dict.fromkeys(POLICY.when_missing, "block"),
)
PRICES = Prices(usd_per_cpu_hour=3.6, usd_per_device_hour=7.2, watts_per_cpu_core=10.0, watts_per_device=100.0)

ALL_SIGNALS = tuple(signal(modality) for modality in EXPECTED)


def summary(reports: float = 0.0, views: float = 1000.0, at: float = 10.0) -> EngagementSummary:
    recent = {"1d": {"view": views, "report": reports}}
    return EngagementSummary(video_id=VIDEO_ID, counts={"view": 1}, event_unix_seconds=at, windows=recent)


def review(action: Action, *, revision: int = 1, at: float = 0.0) -> Review:
    return Review(
        video_id=VIDEO_ID, revision=revision, action=action, reviewer="r", reason="seen", event_unix_seconds=at
    )


def policy_changed(revision: int = 1) -> PolicyChanged:
    return PolicyChanged(video_id=VIDEO_ID, revision=revision, policy=STRICT.label, event_unix_seconds=0.0)


def deleted(revision: int = 1) -> Deleted:
    return Deleted(video_id=VIDEO_ID, revision=revision, reason="", event_unix_seconds=0.0)


def context(log_generation: int = 0) -> FoldContext:
    return FoldContext(POLICY, PRICES, log_generation, now_unix_seconds=1_700_000_010.0)


def fold_all(facts: Iterable[Fact], state: VideoState | None = None, first_offset: int = 0) -> list[Folded]:
    folded: list[Folded] = []
    for offset, fact in enumerate(facts, first_offset):
        folded.append(fold(state, fact, offset, context()))
        state = folded[-1].state
    return folded


def statuses(folded: list[Folded]) -> list[str | None]:
    return [step.outcome.verdict.status if step.outcome else None for step in folded]


def last_outcome(folded: list[Folded]) -> Outcome:
    return next(step.outcome for step in reversed(folded) if step.outcome)
