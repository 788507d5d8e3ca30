"""Serves a second look: a few pictures of a file whose index is known already. Decoder process only."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from operators.errors import InvalidMedia
from operators.media.containers import MediaFile
from operators.media.decode_video import decode_video
from operators.media.edits import take_edits
from operators.media.ipc_messages import Done, Planned
from operators.media.layout import MediaMemory, layout_for
from operators.media.plan import DecodePlan, VideoPlan
from operators.media.receipt import DecodeUsage


def look_again(
    media: MediaFile,
    memory_fd: int,
    plan: VideoPlan,
    send: Callable[[msgspec.Struct], None],
    receipt: Callable[[], DecodeUsage],
) -> Done:
    """Decode the pictures of `plan` into the memory; `receipt` returns the cost at the end.

    Raises:
        InvalidMedia: none of them could be decoded, or there is no room for them.
    """
    whole = DecodePlan(video=plan, audio=None, covered_grid_seconds=(), period_seconds=1.0)
    layout = layout_for(whole)
    try:
        os.ftruncate(memory_fd, layout.capacity_bytes)
    except OSError as error:
        raise InvalidMedia("media-decoder-memory", f"decoded it would take {layout.capacity_bytes} bytes") from error
    send(Planned(layout))
    take_edits(media)
    decode_video(media, plan, MediaMemory(memory_fd, layout, writable=True), send)
    return Done(receipt())
