"""`vidsignal forget`: deletes a video."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic, time
from typing import TYPE_CHECKING, Annotated

import typer
from confluent_kafka import Message

from ops.cli.console import clean_interrupt, err, fail, out, settings_or_exit
from ops.cli.deletion_lines import describe_deletion, describe_place
from ops.cli.exit_codes import ExitCode
from ops.cli.field_options import VIDEO_OPTIONS, event_or_exit
from ops.cli.publishing import publish_or_exit
from ops.cli.with_redis import read_once
from schemas.codec import encode, event_headers
from schemas.facts import SourceOffset
from schemas.topics import UPLOADED
from schemas.uploads import DeletionRequested
from streams.config.settings import Settings
from streams.kafka.confirmed_publishing import OutgoingRecord
from streams.store.deletion_reading import DeletionReading, read_deletion
from streams.store.keys import Keys
from streams.store.refusal_reading import read_refusals

if TYPE_CHECKING:
    from redis.asyncio import Redis

_ASK_SECONDS = 0.2


def forget(
    video_id: Annotated[str, typer.Argument(help="As it was published.")],
    revision: Annotated[
        int | None, typer.Option(min=1, help="Up to and with this one; all that was uploaded before by default.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Kept in the log of facts.")] = "",
    wait: Annotated[float, typer.Option(min=0.0, help="Seconds to wait until Redis holds nothing of it.")] = 60.0,
) -> None:
    """Publish a deletion event and wait until the video is removed from Redis and late signals are ignored.

    Tombstones for both compacted topics and for the video's dead letters follow at once, and again after the longest
    drain. A higher revision that is uploaded later is a new video under the same id.
    """
    settings = settings_or_exit()
    event = _event(video_id, revision, reason)
    with clean_interrupt():
        place = _publish(settings, event)
        told = f"the deletion of {video_id} is published"
        if wait:
            ending = asyncio.run(read_once(settings, lambda store: _ending(store, settings, event, place, wait)))
            told = _words(event, place, ending, wait)
    out.print(told, markup=False)


def _words(event: DeletionRequested, place: SourceOffset, ending: _DeletionResult | None, wait_seconds: float) -> str:
    if ending is None:
        told = f"the deletion of {event.video_id!r} is published as {describe_place(place)}, but was not carried out"
        fail(f"{told} within {wait_seconds:g} s", ExitCode.FOUND)
    if ending.deletion is not None:
        err.print(describe_deletion(ending.deletion), markup=False, soft_wrap=True)
    if ending.living_revision:
        return f"revision {ending.living_revision} of {event.video_id} stays; what came before it is forgotten"
    if ending.deletion is not None and ending.deletion.withdrawn_revision == 0:
        return f"nothing was known of {event.video_id}; it is guarded against late uploads"
    return f"{event.video_id} is forgotten"


def _event(video_id: str, revision: int | None, reason: str) -> DeletionRequested:
    raw = {"video_id": video_id, "deleted": True, "revision": revision, "reason": reason}
    return event_or_exit(raw, DeletionRequested, "a deletion", VIDEO_OPTIONS)


def _publish(settings: Settings, event: DeletionRequested) -> SourceOffset:
    """Return the event's log position."""
    headers = event_headers(
        event, event_id=f"{event.video_id}:deletion", source="/vidsignal/forget", now_unix_seconds=time()
    )
    topic = settings.topic_prefix + UPLOADED.name
    reports: list[Message | None] = []
    record = OutgoingRecord(
        topic, event.video_id, encode(event), headers, on_report=lambda _error, message: reports.append(message)
    )
    publish_or_exit(settings, [record])
    (message,) = reports
    assert message is not None, "what was confirmed has a place"
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return SourceOffset(topic=topic, partition=partition, offset=offset)


@dataclass(frozen=True, slots=True)
class _DeletionResult:
    """Result of a deletion."""

    deletion: DeletionReading | None
    living_revision: int = 0
    """A revision higher than the deleted ones, or uploaded after the deletion; 0 without one."""


async def _ending(
    store: Redis, settings: Settings, event: DeletionRequested, place: SourceOffset, wait_seconds: float
) -> _DeletionResult | None:
    """Wait until the deletion is carried out; None if the time is up."""
    keys = Keys(settings.topic_prefix)
    give_up = monotonic() + wait_seconds
    while monotonic() < give_up:
        found = await _found(store, keys, event.video_id, place)
        ending = _carried_out(event, place, found)
        if ending is not None and (ending.living_revision or not found.is_readable):
            return ending
        await asyncio.sleep(_ASK_SECONDS)
    return None


@dataclass(frozen=True, slots=True)
class _RedisReading:
    """What Redis has of a video."""

    deletion: DeletionReading | None
    has_deletion_marker: bool
    newest_revision: int
    """Newest revision that intake accepted; 0 without a status."""
    is_readable: bool
    """Whether readers still see something."""


async def _found(store: Redis, keys: Keys, video_id: str, place: SourceOffset) -> _RedisReading:
    readable = (keys.verdict, keys.features, keys.embeddings, keys.engagement, keys.speech_text, keys.picture_text)
    refused = [refusal.upload for refusal in await read_refusals(store, keys, video_id)]
    return _RedisReading(
        deletion=await read_deletion(store, keys, video_id),
        has_deletion_marker=bool(await store.exists(keys.deletion_marker(video_id))),
        newest_revision=int(await store.hget(keys.status(video_id), "revision") or 0),
        is_readable=bool(await store.exists(*(key(video_id) for key in readable)))
        or any(upload.has_order_with(place) and upload.offset < place.offset for upload in refused),
    )


def _carried_out(event: DeletionRequested, place: SourceOffset, found: _RedisReading) -> _DeletionResult | None:
    if event.revision is not None and found.newest_revision > event.revision:
        return _DeletionResult(None, found.newest_revision)
    deletion = found.deletion
    if deletion is None or not _covers(deletion, event, place):
        return None
    if not found.has_deletion_marker:
        return _DeletionResult(deletion, found.newest_revision)
    # A newer revision that is only registered was uploaded before or after the deletion: its fact decides.
    return _DeletionResult(deletion) if found.newest_revision <= deletion.revision else None


def _covers(deletion: DeletionReading, event: DeletionRequested, place: SourceOffset) -> bool:
    """Return whether this deletion, or a later one, is folded."""
    if event.revision is not None:
        return deletion.revision >= event.revision
    before = deletion.before
    if before is None or (before.topic, before.partition) != (place.topic, place.partition):
        return False
    return before.offset >= place.offset
