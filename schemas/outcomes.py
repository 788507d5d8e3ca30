"""Output of the verdict role: the moderation verdict and the recommendation record."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.engagement import Engagement
from schemas.evidence import Embedding, Feature, LabelEvidence, Region, TextFound
from schemas.facts import Failure
from schemas.identity import Market, Modality, Score, UnixSeconds, VideoId
from schemas.receipts import Cost

Action = Literal["allow", "limit", "review", "block"]
ACTIONS: tuple[Action, ...] = ("allow", "limit", "review", "block")
"""Mildest first."""

OutcomeStatus = Literal["pending", "provisional", "final"]
"""pending: nothing is decided yet; provisional: the deadline passed first; final: every modality has answered."""


class Version(Struct, frozen=True, kw_only=True, order=True):
    """Version of an outcome: readers keep the highest. Compared field by field, in this order."""

    revision: int
    generation: int
    """Log epoch; raised when the topic's partition count changes."""
    offset: int
    """Of the record in `video.signals` that caused the outcome."""


class Reason(Struct, frozen=True, kw_only=True):
    """Reason of a verdict; the strongest first."""

    action: Action
    words: str
    label: str | None = None
    score: Score | None = None
    threshold: Score | None = None
    modality: Modality | None = None


class ModalityStates(Struct, frozen=True, kw_only=True):
    """State of each expected modality."""

    present: tuple[Modality, ...] = ()
    absent: tuple[Modality, ...] = ()
    """The media has no such stream."""
    missing: tuple[Modality, ...] = ()
    """No answer yet."""
    failed: dict[Modality, Failure] = {}


class Reviewed(Struct, frozen=True, kw_only=True):
    """A person's decision, which is the verdict's action."""

    reviewer: str
    reason: str
    event_unix_seconds: UnixSeconds
    policy_action: Action
    """The policy's action; it may change, the verdict's action does not."""


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The current moderation verdict of a video."""

    video_id: VideoId
    version: Version
    status: OutcomeStatus
    action: Action
    reasons: tuple[Reason, ...]
    """A person's decision first, if there is one; then the policy's."""
    labels: tuple[LabelEvidence, ...]
    """Evidence of every label at or above the policy's reporting floor, strongest first."""
    modalities: ModalityStates
    market: Market | None
    policy: str
    """Name and hash of the policy file."""
    uploaded_unix_seconds: UnixSeconds
    deadline_unix_seconds: UnixSeconds
    decided_unix_seconds: UnixSeconds
    cost: Cost
    reviewed: Reviewed | None = None
    """Present if a person decided this revision."""
    regions: tuple[Region, ...] = ()
    """Objects that added models found in frames; left out without any."""
    texts: tuple[TextFound, ...] = ()
    """Of earlier releases: texts that added models read or heard. Recognised text is not in verdicts any more."""


class RecommendationRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The current features of a video."""

    video_id: VideoId
    version: Version
    status: OutcomeStatus
    modalities: ModalityStates
    features: dict[str, Feature]
    embeddings: dict[str, Embedding]
    """By space."""
    creator_id: str | None
    uploaded_unix_seconds: UnixSeconds
    engagement: Engagement | None = None
    """From the last summary in the log; Redis has a newer one."""


class Outcome(Struct, frozen=True, kw_only=True):
    """Verdict and record of one version; they are written and published together."""

    verdict: Verdict
    record: RecommendationRecord

    @property
    def version(self) -> Version:
        """The version that both share."""
        return self.verdict.version
