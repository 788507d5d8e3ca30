"""Log positions of upload events, by which deletions are compared.

An event that is sent again keeps the position of its original, in a header. On `video.uploaded`, where every producer
may write headers, the header is honoured only if the position is before the record's own, in the same partition: it can
make an event older, never newer. On `video.backfill`, where only this product writes, it is always honoured.
"""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.codec import Headers, encode, header
from schemas.facts import SourceOffset
from streams.kafka.topic_ids import TopicIds
from streams.record import Record

PLACE_HEADER: Final = "vidsignal-uploaded-place"
"""Position of the original event, as JSON of a SourceOffset."""

_DECODER: Final = msgspec.json.Decoder(SourceOffset)


async def upload_place(record: Record, topic_ids: TopicIds) -> SourceOffset:
    """Return the log position of an event of `video.uploaded`."""
    topic = await topic_ids.of(record.place.topic, record.generation)
    own = msgspec.structs.replace(record.source, topic_id=topic.topic_id)
    return original_place(own, record.headers)


def original_place(own: SourceOffset, headers: Headers) -> SourceOffset:
    """Return the position in the headers if it is before the event's own, in its own partition; otherwise its own."""
    claimed = claimed_place(headers)
    if claimed is None or (claimed.topic, claimed.partition) != (own.topic, own.partition):
        return own
    if not 0 <= claimed.offset < own.offset:
        return own
    return msgspec.structs.replace(own, offset=claimed.offset)


def claimed_place(headers: Headers) -> SourceOffset | None:
    """Return the position in the headers; None if there is none that can be read."""
    value = header(headers, PLACE_HEADER)
    try:
        return None if value is None else _DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def with_place(headers: Headers, place: SourceOffset) -> Headers:
    """Return headers with the position of the original."""
    kept = tuple(item for item in headers if item[0] != PLACE_HEADER)
    return (*kept, (PLACE_HEADER, encode(place)))
