"""The uploads that are still in `video.uploaded`: the newest revision of each video, one partition at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.codec import decode_upload_or_deletion
from schemas.errors import InvalidEvent
from schemas.topics import UPLOADED
from schemas.uploads import VideoUploaded
from streams.backfill.jobs import JobFilter
from streams.config.settings import Settings
from streams.kafka.clients import StoredRecord, read_to_end


@dataclass(frozen=True, slots=True)
class PastUpload:
    """An upload and its record."""

    upload: VideoUploaded
    record: StoredRecord


def past_uploads(settings: Settings, partition: int, asked: JobFilter) -> Iterator[PastUpload]:
    """Yield the uploads of one partition that match a filter, in the order of publication.

    The partition is read twice, so that memory holds only one number per video.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    newest = _newest_offsets(settings, partition, asked)
    for found in _read(settings, partition, asked):
        is_newest = newest.get(found.upload.video_id) == (found.upload.revision, found.record.offset)
        if is_newest and _is_asked_for(found, asked):
            yield found


def _newest_offsets(settings: Settings, partition: int, asked: JobFilter) -> dict[str, tuple[int, int]]:
    newest: dict[str, tuple[int, int]] = {}
    for found in _read(settings, partition, asked):
        place = (found.upload.revision, found.record.offset)
        newest[found.upload.video_id] = max(newest.get(found.upload.video_id, place), place)
    return newest


def _read(settings: Settings, partition: int, asked: JobFilter) -> Iterator[PastUpload]:
    topic = settings.topic_prefix + UPLOADED.name
    records = read_to_end(settings, [topic], partition=partition, since_unix_seconds=asked.since_unix_seconds)
    for record in records:
        try:
            event = decode_upload_or_deletion(record.value)
        except InvalidEvent:
            continue  # intake wrote its dead letter
        if isinstance(event, VideoUploaded) and record.key == event.video_id.encode():
            yield PastUpload(event, record)


def _is_asked_for(found: PastUpload, asked: JobFilter) -> bool:
    seconds = found.record.timestamp_unix_seconds
    is_in_time = asked.since_unix_seconds <= seconds < (asked.until_unix_seconds or float("inf"))
    return is_in_time and asked.market in (None, found.upload.market)
