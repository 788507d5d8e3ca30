"""The facts of a video: the records of `video.signals`, of several kinds; their fold is the video's state."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.evidence import Embedding, Feature, LabelEvidence, Region, TextFound
from schemas.identity import Lane, Market, Modality, Revision, Seconds, UnixSeconds, VideoId
from schemas.receipts import Receipt
from schemas.warnings import EventWarning


class SourceOffset(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A log position: topic, partition and offset.

    Two positions in one partition of one topic have an order; others have none.
    """

    topic: str
    partition: int
    offset: int
    topic_id: str | None = None
    """Kafka's own topic id: a topic that is deleted and created again has another one, and its offsets start again.
    None if the writer did not read it."""

    def has_order_with(self, other: SourceOffset) -> bool:
        """Return whether both offsets are in one partition of one topic."""
        return (self.topic, self.topic_id, self.partition) == (other.topic, other.topic_id, other.partition)


class Failure(Struct, frozen=True, kw_only=True):
    """Why a modality has no result."""

    cause: str
    """Machine-readable, such as `media-missing` or `model-fault`."""
    message: str
    """For people: what was wrong and what is allowed."""


class Accepted(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="accepted"):
    """Intake registered a revision, with the modalities that it waits for and its deadline."""

    video_id: VideoId
    revision: Revision
    expected: tuple[Modality, ...]
    lane: Lane
    market: Market | None
    creator_id: str | None
    title: str
    """The first 200 characters, for people who read a verdict."""
    uploaded_unix_seconds: UnixSeconds
    """The broker's timestamp of the upload event."""
    deadline_unix_seconds: UnixSeconds
    source: SourceOffset
    """Log position of the upload event; for a redriven or reprocessed one, that of the original."""
    content: str | None = None
    """Hash of what is analysed: source, text, creator and market. The same revision with another hash is a mistake.
    None in facts of releases without it."""
    warnings: tuple[EventWarning, ...] = ()
    """Probable mistakes in the event."""


class Signal(Struct, frozen=True, kw_only=True, tag_field="kind", tag="signal"):
    """One modality's scored results for one revision, or the reason why there are none."""

    signal_id: str
    """Hash of video, revision, modality and fingerprint; for a failed signal also of the offset of its upload."""
    video_id: VideoId
    revision: Revision
    modality: Modality
    status: Literal["ok", "failed"]
    generation: int
    """Of the modality's models, code and sampling plan: among ok signals of a revision the higher generation wins."""
    fingerprint: str
    """Covers model hashes, precision, sampling plan and the code version of the modality."""
    produced_unix_seconds: UnixSeconds
    is_present: bool = True
    """False if the media has no such stream: the signal is ok and empty."""
    failure: Failure | None = None
    labels: tuple[LabelEvidence, ...] = ()
    features: dict[str, Feature] = {}
    embeddings: dict[str, Embedding] = {}
    """By space."""
    models: dict[str, str] = {}
    """Card fingerprints by model name."""
    receipt: Receipt = Receipt()
    regions: tuple[Region, ...] | UnsetType = UNSET
    """Objects that added models found in frames, by model, strongest first; left out without any."""
    texts: tuple[TextFound, ...] | UnsetType = UNSET
    """Of earlier releases: texts that added models read or heard. Recognised text is not in the log any more."""


class DeadlinePassed(Struct, frozen=True, kw_only=True, tag_field="kind", tag="deadline"):
    """The decision budget of a revision has ended."""

    video_id: VideoId
    revision: Revision
    deadline_unix_seconds: UnixSeconds


class EngagementSummary(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="engagement"):
    """Engagement totals of a video; the engagement role writes it at a limited rate per video."""

    video_id: VideoId
    counts: dict[str, Annotated[int, Meta(ge=0)]]
    event_unix_seconds: UnixSeconds
    """The latest event time that is included."""
    watch_seconds: Seconds = 0.0
    windows: dict[str, dict[str, float]] = {}
    """See `schemas.engagement.Engagement`."""
    rates: dict[str, float] = {}


class Review(Struct, frozen=True, kw_only=True, tag_field="kind", tag="review"):
    """A person's decision; it applies to this revision, whatever the policy decides before or after."""

    video_id: VideoId
    revision: Revision
    action: Literal["allow", "limit", "review", "block"]
    """`review` requests another person."""
    reviewer: Annotated[str, Meta(min_length=1, max_length=200)]
    """The person, as named by the platform; shown in the verdict."""
    reason: Annotated[str, Meta(max_length=2_000)]
    event_unix_seconds: UnixSeconds
    """When it was decided; of two reviews the later one applies."""


class PolicyChanged(Struct, frozen=True, kw_only=True, tag_field="kind", tag="policy"):
    """Requests a new decision for a decided revision, from the same signals, under the current policy."""

    video_id: VideoId
    revision: Revision
    policy: Annotated[str, Meta(min_length=1)]
    """The label of the intended policy. Workers decide by their own, which the verdict names."""
    event_unix_seconds: UnixSeconds


class Deleted(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="deleted"):
    """The video is deleted: up to a revision, or everything that was uploaded before a log position; intake writes
    it."""

    video_id: VideoId
    revision: Revision
    """Up to and including this one, wherever it was uploaded; 1 if the event named none."""
    reason: str
    event_unix_seconds: UnixSeconds
    before: SourceOffset | None = None
    """Log position of a deletion event that named no revision: every revision that was uploaded before it is deleted,
    too. None if the event named one, and in facts of releases without it."""
    warnings: tuple[EventWarning, ...] = ()
    """Probable mistakes in the event."""


Fact = Accepted | Signal | DeadlinePassed | EngagementSummary | Review | PolicyChanged | Deleted
