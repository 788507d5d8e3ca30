"""The intake role: registers an upload that waits for a verdict, before work on its media starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from operators.internal_errors import boundary
from schemas.codec import Headers, event_headers, header
from schemas.facts import Accepted, Deleted, Failure, SourceOffset
from schemas.identity import Lane, Modality
from schemas.topics import BACKFILL, SIGNALS
from schemas.uploads import DeletionRequested, VideoUploaded
from schemas.warnings import EventWarning
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery.admission import Slot
from streams.kafka.publisher import Publisher
from streams.kafka.topic_ids import NoTopicIds, TopicIds
from streams.lifecycle.clock import Clock
from streams.observability import metrics
from streams.observability.tracing import spans
from streams.record import Record
from streams.store.deadlines import Deadline, Deadlines
from streams.store.video_statuses import Registered, VideoStatuses
from streams.uploads.acceptance import acceptance
from streams.uploads.event_warnings import event_warnings
from streams.uploads.headers import backfill_headers, passed_on
from streams.uploads.places import upload_place
from streams.uploads.reading import read_upload

SOURCE = "vidsignal/intake"
"""CloudEvents source of this role's facts."""
_LEAST_REVISION: Final = 1
"""Revision in a deletion that names none, also for a video of which nothing is known."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class IntakeParts:
    """The collaborators of intake."""

    cases: VideoStatuses
    """Receives the status `pending`."""
    deadlines: Deadlines
    """Receives the time at which the decision is due."""
    publisher: Publisher
    """Publishes the accepted fact."""
    dead_letters: DeadLetters
    """Receives events that cannot be read."""
    clock: Clock
    topic_ids: TopicIds = NoTopicIds()  # noqa: RUF009  (it has no state)
    """Distinguishes topics of the same name; without ids they are treated as one."""


@dataclass(frozen=True, slots=True)
class AcceptanceRules:
    """Initial values of every accepted upload."""

    expected: tuple[Modality, ...]
    """Modalities that the verdict waits for."""
    deadline_seconds: Mapping[Lane, float]
    """Default decision budget by priority class; for backfill, waiting is no delay."""


class Intake:
    """The one agent of the role. Only it answers for uploads that cannot be read.

    Args:
        parts: its collaborators.
        rules: initial values of every accepted upload.
    """

    def __init__(self, parts: IntakeParts, rules: AcceptanceRules) -> None:
        self._cases = parts.cases
        self._deadlines = parts.deadlines
        self._publisher = parts.publisher
        self._dead_letters = parts.dead_letters
        self._topic_ids = parts.topic_ids
        self._clock = parts.clock
        self._rules = rules

    async def run(self, record: Record, slot: Slot) -> None:
        """Register status and deadline, then publish the fact; in this order, because each step may be the last before
        a crash."""
        del slot
        event = read_upload(record)
        with boundary("record"):
            place = await upload_place(record, self._topic_ids)
            warnings = await self._warnings(record, event)
        if isinstance(event, DeletionRequested):
            await self._forget(record, event, place, warnings)
        else:
            with metrics.STAGE_SECONDS.labels("intake").time():
                is_open = await self._open_case(record, self._accept(record, event, place, warnings))
            if is_open and event.lane == "backfill":
                await self._pass_on(record, event, place)

    async def _warnings(self, record: Record, event: VideoUploaded | DeletionRequested) -> tuple[EventWarning, ...]:
        topic = await self._topic_ids.of(record.place.topic, record.generation)
        found = event_warnings(event, record, topic.num_partitions)
        for warning in found:
            metrics.EVENT_WARNINGS.labels(warning.kind).inc()
        return found

    async def _pass_on(self, record: Record, upload: VideoUploaded, place: SourceOffset) -> None:
        """Publish the unchanged upload for the backfill role; the media role skips it."""
        headers = backfill_headers(record.headers, record.timestamp_unix_seconds, place=place)
        await self._publisher.publish(BACKFILL, upload.video_id, record.value, headers=headers)

    async def _open_case(self, record: Record, accepted: Accepted) -> bool:
        """Register the upload; return False if the revision is deleted."""
        with spans.span("register case"), boundary("video-state"):
            registered = await self._cases.register(accepted)
        if registered is Registered.FORGOTTEN:
            metrics.EVENTS_SKIPPED.labels("intake", "forgotten").inc()
            _log.info("upload skipped: its revision was deleted", revision=accepted.revision)
            return False
        due = accepted.deadline_unix_seconds
        with spans.span("register deadline"), boundary("video-state"):
            await self._deadlines.register(Deadline(accepted.video_id, accepted.revision, due))
        await self._publisher.publish(
            SIGNALS, accepted.video_id, accepted, headers=self._headers(record, accepted, "accepted")
        )
        return True

    async def _forget(
        self, record: Record, event: DeletionRequested, place: SourceOffset, warnings: tuple[EventWarning, ...]
    ) -> None:
        """Publish that a video is deleted; the fold does the rest, by the log position."""
        fact = Deleted(
            video_id=event.video_id,
            revision=event.revision or _LEAST_REVISION,
            reason=event.reason,
            event_unix_seconds=record.timestamp_unix_seconds,
            before=place if event.revision is None else None,
            warnings=warnings,
        )
        headers = self._headers(record, fact, f"deleted:{record.place.offset}")
        await self._publisher.publish(SIGNALS, event.video_id, fact, headers=headers)

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        """Write the event's dead letter."""
        del slot
        await self._dead_letters.write(record, failure, role="intake")

    def _accept(
        self, record: Record, upload: VideoUploaded, place: SourceOffset, warnings: tuple[EventWarning, ...]
    ) -> Accepted:
        budget_seconds = upload.deadline_seconds or self._rules.deadline_seconds[upload.lane]
        due_unix_seconds = record.timestamp_unix_seconds + budget_seconds
        return acceptance(record, upload, self._rules.expected, due_unix_seconds, place, warnings)

    def _headers(self, record: Record, fact: Accepted | Deleted, kind: str) -> Headers:
        headers = event_headers(
            fact,
            event_id=f"{fact.video_id}:{fact.revision}:{kind}",
            source=SOURCE,
            now_unix_seconds=self._clock.now_unix_seconds(),
            traceparent=header(record.headers, "traceparent"),
            span=spans.traceparent(),
        )
        return headers + passed_on(record)
