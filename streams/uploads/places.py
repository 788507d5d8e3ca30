"""Where in the log of uploads an event stands: what deletions are compared by.

An event that is sent again keeps the place of its original, in a header. On `video.uploaded`, where anybody who may
publish writes headers, a claim is honoured only if it lies before the record that makes it, in the same partition: it
can make an event older, never newer. On `video.backfill`, where only this product writes, it is honoured as it is.
"""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.codec import Headers, encode, header
from schemas.facts import SourceOffset
from streams.kafka.topic_ids import TopicIds
from streams.record import Record

PLACE_HEADER: Final = "vidsignal-uploaded-place"
"""Place of the original event, as JSON of a SourceOffset."""

_DECODER: Final = msgspec.json.Decoder(SourceOffset)


async def upload_place(record: Record, topic_ids: TopicIds) -> SourceOffset:
    """The place that an event of `video.uploaded` has among the uploads."""
    topic = await topic_ids.of(record.place.topic, record.generation)
    own = msgspec.structs.replace(record.source, topic_id=topic.topic_id)
    return original_place(own, record.headers)


def original_place(own: SourceOffset, headers: Headers) -> SourceOffset:
    """The place that an event's headers claim where it lies before its own, in its own partition; else its own."""
    claimed = claimed_place(headers)
    if claimed is None or (claimed.topic, claimed.partition) != (own.topic, own.partition):
        return own
    if not 0 <= claimed.offset < own.offset:
        return own
    return msgspec.structs.replace(own, offset=claimed.offset)


def claimed_place(headers: Headers) -> SourceOffset | None:
    """The place that headers name; None where they name none that can be read."""
    value = header(headers, PLACE_HEADER)
    try:
        return None if value is None else _DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def with_place(headers: Headers, place: SourceOffset) -> Headers:
    """Headers with the place of the original."""
    kept = tuple(item for item in headers if item[0] != PLACE_HEADER)
    return (*kept, (PLACE_HEADER, encode(place)))
