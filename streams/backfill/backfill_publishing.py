"""Publishes past uploads to the backfill topic: the original bytes, key and headers, and additional headers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message
from redis.asyncio import Redis

from schemas.codec import Headers
from schemas.facts import SourceOffset
from schemas.identity import Modality
from schemas.topics import BACKFILL, UPLOADED
from streams.backfill.jobs import Job, JobFilter, Jobs
from streams.backfill.past_uploads import PastUpload
from streams.backfill.selection import Reason, ResultVersion, Stored, skip_reason
from streams.config.settings import Settings
from streams.decision.state import VideoState
from streams.kafka.clients import BrokerUnavailable, StoredRecord
from streams.kafka.confirmed_publishing import ConfirmingProducer, OutgoingRecord
from streams.kafka.topic_ids import topic_facts
from streams.similarity.members import members_of
from streams.store.chunked import pages
from streams.store.compression import unpack
from streams.store.keys import Keys
from streams.uploads.headers import backfill_headers
from streams.uploads.places import original_place

_PAGE: Final = 500
"""Number of uploads that are looked up, sent and recorded together."""
_STATE_DECODER = msgspec.json.Decoder(VideoState)


@dataclass(slots=True)
class PublishStats:
    """Counts of the uploads that were read."""

    num_chosen: int = 0
    skipped: Counter[Reason] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    """Some of the selected videos."""

    def choose(self, uploads: Sequence[PastUpload]) -> None:
        """Count uploads that are sent, or would be."""
        self.num_chosen += len(uploads)
        self.examples += [found.upload.video_id for found in uploads][: 5 - len(self.examples)]


@dataclass(frozen=True, slots=True)
class JobSelection:
    """Selects uploads to send, page by page.

    Args:
        redis: the store.
        keys: names under the stack's prefix.
        asked: the operator's filter.
        versions: of the selected modalities.
    """

    redis: Redis
    keys: Keys
    asked: JobFilter
    versions: Mapping[Modality, ResultVersion]

    async def of(self, page: Sequence[PastUpload], tally: PublishStats) -> list[PastUpload]:
        """Return the uploads of a page that are to be sent; the others are counted by reason."""
        chosen = []
        for found, stored in zip(page, await self._stored(page), strict=True):
            reason = skip_reason(found.upload.revision, stored, self.asked, self.versions)
            if reason is None:
                chosen.append(found)
            else:
                tally.skipped[reason] += 1
        left = len(chosen) if self.asked.limit is None else self.asked.limit - tally.num_chosen
        tally.choose(chosen[:left])
        return chosen[:left]

    def is_enough(self, tally: PublishStats) -> bool:
        """Whether the limit is reached."""
        return self.asked.limit is not None and tally.num_chosen >= self.asked.limit

    async def _stored(self, page: Sequence[PastUpload]) -> list[Stored]:
        video_ids = [found.upload.video_id for found in page]
        async with self.redis.pipeline(transaction=False) as pipeline:
            for video_id in video_ids:
                pipeline.hget(self.keys.state(video_id), "state")
                pipeline.get(self.keys.deletion_marker(video_id))
                pipeline.hget(self.keys.status(video_id), "revision")
            answers = await pipeline.execute()
        members = set(await self._in_space(video_ids))
        return [
            Stored(
                state=_STATE_DECODER.decode(unpack(state)) if state else None,
                forgotten_revision=int(deletion_marker or 0),
                newest_revision=int(newest or 0),
                is_in_space=video_id in members,
            )
            for video_id, state, deletion_marker, newest in zip(
                video_ids, answers[0::3], answers[1::3], answers[2::3], strict=True
            )
        ]

    async def _in_space(self, video_ids: list[str]) -> list[str]:
        space = self.asked.space
        return [] if space is None else await members_of(self.redis, self.keys.space(space), video_ids)


async def send_again(
    settings: Settings,
    uploads: Iterable[PastUpload],
    choice: JobSelection,
    job: Job,
    jobs: Jobs,
    tell: Callable[[PublishStats], None],
) -> tuple[Job, PublishStats]:
    """Publish selected uploads to `video.backfill`; the job is stored before the first record and after every page.

    Raises:
        BrokerUnavailable: a record was not confirmed in time; earlier ones stay published.
    """
    uploads_id = await asyncio.to_thread(_topic_id, settings, settings.topic_prefix + UPLOADED.name)
    sender, tally = JobSender(settings, job, uploads_id), PublishStats()
    await jobs.save(job)
    for page in pages(uploads, _PAGE):
        sender.send(await choice.of(page, tally))
        await jobs.save(sender.job)
        tell(tally)
        if choice.is_enough(tally):
            break
    done = msgspec.structs.replace(sender.job, is_sent=True)
    await jobs.save(done)
    return done, tally


async def only_choose(
    uploads: Iterable[PastUpload], choice: JobSelection, tell: Callable[[PublishStats], None]
) -> PublishStats:
    """Count what would be sent."""
    tally = PublishStats()
    for page in pages(uploads, _PAGE):
        await choice.of(page, tally)
        tell(tally)
        if choice.is_enough(tally):
            break
    return tally


def _topic_id(settings: Settings, topic: str) -> str | None:
    try:
        return topic_facts(settings, topic).topic_id
    except (KafkaException, TimeoutError) as error:
        raise BrokerUnavailable(f"no broker tells the id of {topic}: {error}") from error


class JobSender:
    """Publishes uploads of one job and records their offsets.

    Args:
        settings: address of the broker.
        job: their job.
        uploads_id: Kafka's id of the topic of the original uploads.
    """

    def __init__(self, settings: Settings, job: Job, uploads_id: str | None = None) -> None:
        self._job = job
        self._topic = settings.topic_prefix + BACKFILL.name
        self._producer = ConfirmingProducer(settings)
        self._uploads_id = uploads_id
        self._num_sent = job.num_sent
        self._first_offsets = dict(job.first_offsets)
        self._end_offsets = dict(job.end_offsets)

    @property
    def job(self) -> Job:
        """The job with what was confirmed so far."""
        return msgspec.structs.replace(
            self._job,
            num_sent=self._num_sent,
            first_offsets=dict(self._first_offsets),
            end_offsets=dict(self._end_offsets),
        )

    def send(self, uploads: Sequence[PastUpload]) -> None:
        """Return when the broker has confirmed all of them. Raises BrokerUnavailable."""
        for found in uploads:
            record = found.record
            headers = self._headers(record)
            self._producer.send(OutgoingRecord(self._topic, record.key, record.value, headers, self._note))
        self._producer.confirm()

    def _headers(self, record: StoredRecord) -> Headers:
        own = SourceOffset(
            topic=record.topic, partition=record.partition, offset=record.offset, topic_id=self._uploads_id
        )
        place = original_place(own, record.headers)
        return backfill_headers(record.headers, record.timestamp_unix_seconds, self._job.job_id, place=place)

    def _note(self, error: KafkaError | None, message: Message | None) -> None:
        if error is not None or message is None:
            return
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        self._num_sent += 1
        self._first_offsets.setdefault(partition, offset)
        self._end_offsets[partition] = max(offset + 1, self._end_offsets.get(partition, 0))
