"""Finds probable mistakes in an upload or deletion that is accepted as it is, from the event alone."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from typing import Final

import msgspec
from msgspec.structs import replace

from schemas.codec import encode
from schemas.markets import MARKETS, near_market
from schemas.near_names import did_you_mean, near_field, shown
from schemas.time_units import other_unit
from schemas.uploads import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_HASHTAG_CHARACTERS,
    MAX_HASHTAGS,
    MAX_TITLE_CHARACTERS,
    DeletionRequested,
    UrlSource,
    VideoUploaded,
)
from schemas.warnings import EventWarning, joined_warnings
from streams.kafka.partitioning import partition_of
from streams.record import Record

LONG_DEADLINE_SECONDS: Final = 3_600.0
"""Longer deadlines are unusual for a live upload, whose default is ten minutes."""
_AHEAD_SECONDS: Final = 86_400.0
"""Permitted difference of clocks and time zones."""
_YEAR_2005_UNIX_SECONDS: Final = 1_104_537_600.0
"""No videos were uploaded before."""
_MOST_NAMES: Final = 50
"""Maximum number of unknown fields that are compared with the known ones; each costs some microseconds."""
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def event_warnings(
    event: VideoUploaded | DeletionRequested, record: Record, num_partitions: int | None
) -> tuple[EventWarning, ...]:
    """Return probable mistakes in a valid event.

    Args:
        event: the decoded event.
        record: that contains it; its time is the broker's.
        num_partitions: of the record's topic; None if unknown, which skips the check of the partition.
    """
    found = [*_misplaced(record, num_partitions), *_unknown_fields(event, record.value or b"{}")]
    if isinstance(event, VideoUploaded):
        found += [
            *_long_texts(event),
            *_times(event, record.timestamp_unix_seconds),
            *_markets(event),
            *_deadlines(event),
        ]
    return joined_warnings((), tuple(found))


def content_of(upload: VideoUploaded) -> str:
    """Return a hash of what is analysed and decided on; an address counts without its query, which may contain a
    signature."""
    source = upload.source
    if isinstance(source, UrlSource):
        source = replace(source, url=source.url.partition("?")[0])
    said = (source, upload.title, upload.description, upload.hashtags, upload.creator_id, upload.market)
    return blake2b(encode(said), digest_size=8).hexdigest()


def _misplaced(record: Record, num_partitions: int | None) -> Iterator[EventWarning]:
    if num_partitions is None or record.key is None:
        return
    expected = partition_of(record.key, num_partitions)
    if record.place.partition != expected:
        yield EventWarning(
            kind="misplaced",
            message=f"the record is in partition {record.place.partition} of {num_partitions}, and murmur2 of its key"
            f" gives {expected}: the order of uploads and deletions of this video is not kept;"
            " set partitioner=murmur2_random in librdkafka clients, the murmur2 partitioner in others",
        )


def _unknown_fields(event: VideoUploaded | DeletionRequested, value: bytes) -> Iterator[EventWarning]:
    sent = _sent(value)
    yield from _misspelt(sent, type(event), "")
    if isinstance(event, VideoUploaded):
        yield from _misspelt(_sent(sent.get("source", b"{}")), type(event.source), "source.")


def _sent(value: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    try:
        return _FIELDS.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}  # a skipped field may have a name that is not valid text


def _misspelt(sent: dict[str, msgspec.Raw], kind: type[msgspec.Struct], place: str) -> Iterator[EventWarning]:
    known = {*kind.__struct_fields__, kind.__struct_config__.tag_field}
    absent = [field for field in kind.__struct_fields__ if field not in sent]
    for name in islice((name for name in sent if name not in known), _MOST_NAMES):
        meant = near_field(name, absent)
        if meant:
            yield EventWarning(
                kind="unknown-field",
                message=f"the field {shown(place + name)} is not known and was ignored;"
                f" did you mean {place + meant!r}?",
                field=place + meant,
            )


def _long_texts(upload: VideoUploaded) -> Iterator[EventWarning]:
    lengths = (
        ("title", len(upload.title), MAX_TITLE_CHARACTERS, "characters"),
        ("description", len(upload.description), MAX_DESCRIPTION_CHARACTERS, "characters"),
        ("hashtags", len(upload.hashtags), MAX_HASHTAGS, "hashtags"),
        ("hashtags", max(map(len, upload.hashtags), default=0), MAX_HASHTAG_CHARACTERS, "characters in one of them"),
    )
    for field, length, most, unit in lengths:
        if length > most:
            message = f"it has {length} {unit}, and at most {most} are expected; all of it is judged"
            yield EventWarning(kind="long-text", message=message, field=field)


def _times(upload: VideoUploaded, now_unix_seconds: float) -> Iterator[EventWarning]:
    found = upload.uploaded_unix_seconds
    if found is None:
        return
    if unit := other_unit(found):
        yield EventWarning(kind="milliseconds", message=f"it is {found:.0f}: {unit}", field="uploaded_unix_seconds")
    elif found > now_unix_seconds + _AHEAD_SECONDS:
        message = (
            f"it is {found:.0f}, {(found - now_unix_seconds) / 86_400:.1f} days after the record came to the broker"
        )
        yield EventWarning(kind="time-in-future", message=message, field="uploaded_unix_seconds")
    elif found < _YEAR_2005_UNIX_SECONDS:
        message = f"it is {found:.10g}, which is before 2005; write seconds since 1970, or leave the field out"
        yield EventWarning(kind="time-before-2005", message=message, field="uploaded_unix_seconds")


def _markets(upload: VideoUploaded) -> Iterator[EventWarning]:
    market = upload.market
    if market is not None and market not in MARKETS:
        message = (
            f"no country has the ISO 3166-1 alpha-2 code {market!r}, so no rule for a market holds for this video"
            + did_you_mean(near_market(market))
        )
        yield EventWarning(kind="unknown-market", message=message, field="market")


def _deadlines(upload: VideoUploaded) -> Iterator[EventWarning]:
    seconds = upload.deadline_seconds
    if upload.lane == "live" and seconds is not None and seconds > LONG_DEADLINE_SECONDS:
        message = (
            f"{seconds:.10g} seconds are {seconds / 3_600:.1f} hours, for which this video may stay undecided;"
            f" if milliseconds were meant, write {seconds / 1_000:.10g}"
        )
        yield EventWarning(kind="long-deadline", message=message, field="deadline_seconds")
