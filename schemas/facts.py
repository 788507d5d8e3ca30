"""The facts of a video: the records of `video.signals`, one kind each; their fold is the video's state."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.evidence import Embedding, Feature, LabelEvidence
from schemas.identity import Lane, Market, Modality, Revision, Seconds, UnixSeconds, VideoId
from schemas.receipts import Receipt
from schemas.warnings import EventWarning


class SourceOffset(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The place in Kafka that something came from.

    Two places of one partition of one topic have an order; others have none.
    """

    topic: str
    partition: int
    offset: int
    topic_id: str | None = None
    """Kafka's own id of the topic: one that is deleted and created again under its name gets another, and its offsets
    begin again. None where the writer did not ask."""

    def has_order_with(self, other: SourceOffset) -> bool:
        """Whether the offsets of both are of one partition of one topic."""
        return (self.topic, self.topic_id, self.partition) == (other.topic, other.topic_id, other.partition)


class Failure(Struct, frozen=True, kw_only=True):
    """Why a modality has no result."""

    cause: str
    """A word for machines, such as `media-missing` or `model-fault`."""
    message: str
    """For people: what was wrong and what is allowed."""


class Accepted(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="accepted"):
    """Intake registered a revision: what it waits for, and until when."""

    video_id: VideoId
    revision: Revision
    expected: tuple[Modality, ...]
    lane: Lane
    market: Market | None
    creator_id: str | None
    title: str
    """The first 200 characters, for people who look at a verdict."""
    uploaded_unix_seconds: UnixSeconds
    """The broker's timestamp of the upload event."""
    deadline_unix_seconds: UnixSeconds
    source: SourceOffset
    """Place of the upload event; of a redriven or reprocessed one that of the original."""
    content: str | None = None
    """Hash of what is analysed: source, text, creator and market. The same revision with another one is a mistake. None
    in facts of releases that did not say it."""
    warnings: tuple[EventWarning, ...] = ()
    """What is likely a mistake in the event."""


class Signal(Struct, frozen=True, kw_only=True, tag_field="kind", tag="signal"):
    """One modality's scored statement about one revision, or the reason why there is none."""

    signal_id: str
    """Hash of video, revision, modality and fingerprint; a failed signal adds the offset of its upload."""
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
    """False where the media has no such stream: an ok answer with nothing in it."""
    failure: Failure | None = None
    labels: tuple[LabelEvidence, ...] = ()
    features: dict[str, Feature] = {}
    embeddings: dict[str, Embedding] = {}
    """By space."""
    models: dict[str, str] = {}
    """Card fingerprints by model name."""
    receipt: Receipt = Receipt()


class DeadlinePassed(Struct, frozen=True, kw_only=True, tag_field="kind", tag="deadline"):
    """The decision budget of a revision ran out."""

    video_id: VideoId
    revision: Revision
    deadline_unix_seconds: UnixSeconds


class EngagementSummary(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="engagement"):
    """Counters of a video so far; the engagement role writes it at a bounded rate per video."""

    video_id: VideoId
    counts: dict[str, Annotated[int, Meta(ge=0)]]
    event_unix_seconds: UnixSeconds
    """The latest event time that is in it."""
    watch_seconds: Seconds = 0.0
    windows: dict[str, dict[str, float]] = {}
    """See `schemas.engagement.Engagement`."""
    rates: dict[str, float] = {}


class Review(Struct, frozen=True, kw_only=True, tag_field="kind", tag="review"):
    """A person decided; it holds for this revision, whatever the policy says of it then or later."""

    video_id: VideoId
    revision: Revision
    action: Literal["allow", "limit", "review", "block"]
    """`review` asks for another person."""
    reviewer: Annotated[str, Meta(min_length=1, max_length=200)]
    """Who it was, in the platform's own words; it is shown in the verdict."""
    reason: Annotated[str, Meta(max_length=2_000)]
    event_unix_seconds: UnixSeconds
    """When it was decided; of two reviews the later one holds."""


class PolicyChanged(Struct, frozen=True, kw_only=True, tag_field="kind", tag="policy"):
    """A revision that is decided is to be decided again, from the same signals, under the policy that holds by now."""

    video_id: VideoId
    revision: Revision
    policy: Annotated[str, Meta(min_length=1)]
    """The label of the policy that was meant. Workers decide by their own, which the verdict names."""
    event_unix_seconds: UnixSeconds


class Deleted(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="deleted"):
    """The video is gone: up to and with a revision, or what was uploaded before a place; intake writes it."""

    video_id: VideoId
    revision: Revision
    """Up to and with this one, wherever it was uploaded; 1 where the event named none."""
    reason: str
    event_unix_seconds: UnixSeconds
    before: SourceOffset | None = None
    """Place of a deletion event that named no revision: every revision that was uploaded before it is gone, too. None
    where the event named one, and in facts of releases that did not say it."""
    warnings: tuple[EventWarning, ...] = ()
    """What is likely a mistake in the event."""


Fact = Accepted | Signal | DeadlinePassed | EngagementSummary | Review | PolicyChanged | Deleted
