"""`vidsignal forget`: delete what is known of a video."""

from __future__ import annotations

import asyncio
from time import monotonic, time
from typing import Annotated

import msgspec
import typer
from redis.asyncio import Redis

from ops.cli.console import clean_interrupt, fail, out, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.publishing import publish_or_exit
from ops.cli.store_once import read_once
from schemas.topics import UPLOADED
from schemas.uploads import DeletionRequested
from schemas.wire import encode, event_headers
from streams.confirmed_publishing import OutgoingRecord
from streams.settings import Settings
from streams.store.keys import Keys

_ASK_SECONDS = 0.2


def forget(
    video_id: Annotated[str, typer.Argument(help="As it was published.")],
    revision: Annotated[
        int | None, typer.Option(min=1, help="Up to and with this one; every known revision by default.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Kept in the log of facts.")] = "",
    wait: Annotated[float, typer.Option(min=0.0, help="Seconds to wait until Redis holds nothing of it.")] = 60.0,
) -> None:
    """Publish a deletion event and wait until the video is gone from Redis and guarded against late signals.

    Tombstones for both compacted topics and for the video's dead letters follow at once, and once more after the
    longest drain. A higher revision that is uploaded later is a new life.
    """
    settings = settings_or_exit()
    event = _event(video_id, revision, reason)
    with clean_interrupt():
        _publish(settings, event)
        if wait and not asyncio.run(read_once(settings, lambda store: _gone(store, settings, event, wait))):
            fail(
                f"the deletion of {video_id!r} is published, but was not carried out within {wait:g} s", ExitCode.FOUND
            )
    out.print(f"{video_id} is forgotten" if wait else f"the deletion of {video_id} is published", markup=False)


def _event(video_id: str, revision: int | None, reason: str) -> DeletionRequested:
    raw = {"video_id": video_id, "deleted": True, "revision": revision, "reason": reason}
    try:
        return msgspec.convert(raw, DeletionRequested)
    except msgspec.ValidationError as error:
        fail(str(error), ExitCode.USAGE)


def _publish(settings: Settings, event: DeletionRequested) -> None:
    headers = event_headers(
        event, event_id=f"{event.video_id}:deletion", source="/vidsignal/forget", now_unix_seconds=time()
    )
    topic = settings.topic_prefix + UPLOADED.name
    publish_or_exit(settings, [OutgoingRecord(topic, event.video_id, encode(event), headers)])


async def _gone(store: Redis, settings: Settings, event: DeletionRequested, wait_seconds: float) -> bool:
    """Whether a guard stands and nothing that a reader may look at is left, within the time."""
    keys = Keys(settings.topic_prefix)
    video_id = event.video_id
    readable = [key(video_id) for key in (keys.verdict, keys.features, keys.embeddings, keys.engagement)]
    give_up = monotonic() + wait_seconds
    while monotonic() < give_up:
        guard = await store.get(keys.guard(video_id))
        if guard is not None and int(guard) >= (event.revision or 1) and not await store.exists(*readable):
            return True
        await asyncio.sleep(_ASK_SECONDS)
    return False
