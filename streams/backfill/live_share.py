"""The media role's part of fairness: uploads beyond their creator's share are left to the backfill role."""

from __future__ import annotations

from typing import Final

import structlog

from schemas.errors import InvalidEvent
from schemas.facts import Failure
from schemas.topics import BACKFILL
from schemas.uploads import VideoUploaded
from streams.analysis.shared_upload import shared_upload
from streams.backfill.creator_shares import CreatorShares
from streams.delivery.admission import Slot
from streams.delivery.delivery import EventWork
from streams.kafka.publisher import Publisher, RecordTooLarge
from streams.kafka.topic_ids import TopicIds
from streams.observability import metrics
from streams.record import Record
from streams.uploads.headers import SHARE_HEADER, backfill_headers
from streams.uploads.places import upload_place

_NAME: Final = "live share"

_log = structlog.get_logger(__name__)


class LiveShare:
    """Publishes uploads beyond their creator's share to the backfill role's topic.

    The answer need not be the same after a crash. Then an upload may be both analysed here and published there, and the
    second analysis finds the claims of the first.

    Args:
        shares: counts uploads.
        publisher: returns when the broker has the record, so that the upload is in one of the two topics at any time.
        topic_ids: for the upload's log position, by which deletions are compared.
    """

    def __init__(self, shares: CreatorShares, publisher: Publisher, topic_ids: TopicIds) -> None:
        self._shares = shares
        self._publisher = publisher
        self._topic_ids = topic_ids

    async def leaves(self, record: Record, slot: Slot) -> bool:
        """Return whether the upload is left to the backfill role, which then has it; the same for all agents."""
        return await slot.once(_NAME, lambda: self._leave(record, slot))

    async def has_left(self, slot: Slot) -> bool:
        """Return whether `leaves` answered so for this event."""
        return bool(await slot.known(_NAME))

    async def _leave(self, record: Record, slot: Slot) -> bool:
        upload = await self._beyond_share(record, slot)
        return upload is not None and await self._pass_on(record, upload)

    async def _beyond_share(self, record: Record, slot: Slot) -> VideoUploaded | None:
        try:
            event = await shared_upload(record, slot)
        except InvalidEvent:
            return None  # the agents and intake answer for it
        if not isinstance(event, VideoUploaded) or event.lane == "backfill" or event.creator_id is None:
            return None
        return None if self._shares.admits(event.creator_id, record) else event

    async def _pass_on(self, record: Record, upload: VideoUploaded) -> bool:
        place = await upload_place(record, self._topic_ids)
        headers = (*backfill_headers(record.headers, record.timestamp_unix_seconds, place=place), (SHARE_HEADER, b"1"))
        try:
            await self._publisher.publish(BACKFILL, upload.video_id, record.value, headers=headers)
        except RecordTooLarge:
            return False  # its own headers fill the space for ours
        _log.debug("upload is beyond its creator's share: left to the backfill role", revision=upload.revision)
        return True


class LiveShareWork:
    """One agent of the media role, for uploads within their creator's share.

    Args:
        work: of the agent.
        share: common to all agents.
    """

    def __init__(self, work: EventWork, share: LiveShare) -> None:
        self._work = work
        self._share = share

    async def run(self, record: Record, slot: Slot) -> None:
        """See `streams.analysis.modality_work.ModalityWork.run`."""
        if await self._share.leaves(record, slot):
            metrics.EVENTS_SKIPPED.labels("media", "creator-share").inc()
        else:
            await self._work.run(record, slot)

    async def fail(self, record: Record, slot: Slot, failure: Failure) -> None:
        """See `streams.analysis.modality_work.ModalityWork.fail`; has no effect if the backfill role has the upload."""
        if not await self._share.has_left(slot):
            await self._work.fail(record, slot, failure)
