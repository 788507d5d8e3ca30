"""Work of the backfill role: the same as the media role's, at lower priority than live uploads."""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from schemas.codec import event_headers, header
from schemas.facts import Failure
from schemas.identity import Modality
from schemas.topics import SIGNALS
from schemas.uploads import VideoUploaded
from streams.analysis.shared_upload import shared_upload
from streams.delivery.admission import Slot
from streams.delivery.delivery import EventWork
from streams.kafka.publisher import Publisher
from streams.lifecycle.clock import Clock
from streams.observability.tracing import spans
from streams.record import Record
from streams.store.keys import Keys
from streams.uploads.acceptance import acceptance
from streams.uploads.headers import JOB_HEADER, as_uploaded, passed_on
from streams.uploads.places import claimed_place

SOURCE = "vidsignal/backfill"
"""CloudEvents source of this role's facts except signals."""


@dataclass(frozen=True, slots=True)
class Readmission:
    """Publishes `accepted` again for a video that the fold no longer knows.

    A reprocessed upload was accepted long ago, and usually its state still exists: then nothing is published. Without a
    state its signals would wait forever for an `accepted` that has left the log.
    """

    redis: Redis
    keys: Keys
    publisher: Publisher
    expected: tuple[Modality, ...]
    deadline_seconds: float
    """From now on: the deadline of the original upload has passed long ago."""
    clock: Clock

    async def ensure(self, record: Record, slot: Slot) -> None:
        """Return when the fold knows the video or will know it; has no effect if it does. Raises InvalidEvent."""
        if header(record.headers, JOB_HEADER) is None:
            return  # passed on by intake or the media role: intake accepts it
        upload = await shared_upload(record, slot)
        if not isinstance(upload, VideoUploaded) or await self._is_known(upload.video_id):
            return
        now_unix_seconds = self.clock.now_unix_seconds()
        place = claimed_place(record.headers) or record.source
        fact = acceptance(record, upload, self.expected, now_unix_seconds + self.deadline_seconds, place)
        headers = event_headers(
            fact,
            event_id=f"{fact.video_id}:{fact.revision}:accepted",
            source=SOURCE,
            now_unix_seconds=now_unix_seconds,
            traceparent=header(record.headers, "traceparent"),
            span=spans.traceparent(),
        )
        await self.publisher.publish(SIGNALS, fact.video_id, fact, headers=headers + passed_on(record))

    async def _is_known(self, video_id: str) -> bool:
        """Return whether there is a state, or a deletion marker that rejects the video."""
        return bool(await self.redis.exists(self.keys.state(video_id), self.keys.deletion_marker(video_id)))


class BackfillWork:
    """One agent of the backfill role.

    Args:
        work: of the same agent, on an upload as its producer published it.
        readmission: runs before the first of the agents.
    """

    def __init__(self, work: EventWork, readmission: Readmission) -> None:
        self._work = work
        self._readmission = readmission

    async def run(self, record: Record, slot: Slot) -> None:
        """See `streams.analysis.modality_work.ModalityWork.run`."""
        uploaded = as_uploaded(record)
        await slot.once("readmission", lambda: self._readmission.ensure(uploaded, slot))
        await self._work.run(uploaded, slot)

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        """See `streams.analysis.modality_work.ModalityWork.fail`."""
        await self._work.fail(as_uploaded(record), slot, failure)
