"""`publish --wait`: polls Redis until each published video is final or refused, reported in the order of the
arguments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from ops.cli.upload_ending import Ending, PublishedUpload, StatusReading, ending_of, read_for_sender
from streams.config.settings import Settings
from streams.store.keys import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

_ASK_SECONDS: Final = 0.3
_MOST_ASKED: Final = 200
"""Maximum number of videos that are polled in one round; the first of the arguments."""


async def read_earlier(store: Redis, settings: Settings, video_ids: Sequence[str]) -> dict[str, StatusReading]:
    """Return what was known of videos before they are published."""
    keys = Keys(settings.topic_prefix)
    return {video_id: (await read_for_sender(store, keys, video_id)).status for video_id in video_ids}


async def endings(
    store: Redis,
    settings: Settings,
    uploads: Sequence[PublishedUpload],
    timeout_seconds: float,
    on_progress: Callable[[int], None] = lambda _num_done: None,
) -> AsyncIterator[tuple[PublishedUpload, Ending | None]]:
    """Yield the results of uploads, in their order, each as soon as it and all before it are known.

    Args:
        store: polled repeatedly.
        settings: with the prefix of the keys.
        uploads: confirmed uploads.
        timeout_seconds: for all of them; after that the result of the rest is None.
        on_progress: called with the number of finished uploads, in any order.
    """
    keys, found = Keys(settings.topic_prefix), dict[int, Ending]()
    give_up, told = monotonic() + timeout_seconds, 0
    while told < len(uploads):
        open_ones = [number for number in range(told, len(uploads)) if number not in found]
        for number in open_ones[:_MOST_ASKED]:
            ending = ending_of(uploads[number], await read_for_sender(store, keys, uploads[number].video_id))
            if ending is not None:
                found[number] = ending
        on_progress(len(found))
        is_late = monotonic() >= give_up
        while told < len(uploads) and (told in found or is_late):
            yield uploads[told], found.get(told)
            told += 1
        if told < len(uploads):
            await asyncio.sleep(_ASK_SECONDS)
