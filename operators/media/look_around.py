"""A second look at media, by a separate decode: pictures around some that were sampled."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from operators.errors import InvalidMedia
from operators.internal_errors import boundary
from operators.media.decoder_client import DecoderKilled
from operators.media.fetch_meter import FetchMeter, ensuring
from operators.media.ipc_messages import DecodeRequest, FrameSlot, FramesReady, Planned, Reply
from operators.media.layout import MediaMemory
from operators.media.memory import SharedMemory
from operators.media.neighbours import Neighbourhood
from operators.media.plan import PlanPolicy, VideoPlan
from operators.media.pool import DecoderPool
from operators.media.sources.opened_source import OpenedSource
from operators.media.tracks import SampledFrame

Opens = Callable[[], Coroutine[Any, Any, OpenedSource]]
"""Opens the media again, see `MediaOpener.open`."""


@dataclass(frozen=True, slots=True)
class Looker:
    """Decodes media again."""

    opens: Opens
    pool: DecoderPool
    policy: PlanPolicy
    fetching: FetchMeter

    async def look(self, plan: VideoPlan) -> Neighbourhood:
        """Return the pictures of a plan; none if the media or the decoder fails, which must not count as a result.

        If the decoder is killed from outside, it is tried once more.

        Raises:
            SourceUnavailable: the media cannot be fetched or read now.
            InternalError: an unexpected error.
        """
        fetch_before_seconds, spent_seconds = self.fetching.cpu_seconds, list[float]()
        frames: tuple[SampledFrame, ...] = ()
        with suppress(InvalidMedia, DecoderKilled), boundary("media", DecoderKilled):
            try:
                frames = await self._frames(plan, spent_seconds)
            except DecoderKilled:
                frames = await self._frames(plan, spent_seconds)
        return Neighbourhood(frames, sum(spent_seconds) + self.fetching.cpu_seconds - fetch_before_seconds)

    async def _frames(self, plan: VideoPlan, spent_seconds: list[float]) -> tuple[SampledFrame, ...]:
        media = await self.fetching.counted(self.opens())
        looked = Looked(SharedMemory(self.pool.limits.output_bytes))
        try:
            request = DecodeRequest(media.size_bytes, self.policy, media.is_whole, plan)
            ensure = ensuring(media, self.fetching)
            await self.pool.decode(request, media.fd, looked.memory.fd, looked.take, ensure, spent_seconds.append)
        finally:
            looked.memory.close()
            await media.aclose()
        return tuple(looked.frames)


@dataclass(slots=True)
class Looked:
    """Results so far."""

    memory: SharedMemory
    mapped: MediaMemory | None = None
    frames: list[SampledFrame] = field(default_factory=list)

    def take(self, reply: Reply) -> None:
        """Process one message; raises `ValueError` if it is invalid."""
        if isinstance(reply, Planned):
            self.mapped = self.memory.read(reply.layout)
        elif isinstance(reply, FramesReady):
            self.frames += [frame_in(self.mapped, slot) for slot in reply.frames]


def frame_in(memory: MediaMemory | None, slot: FrameSlot) -> SampledFrame:
    """Return a sampled frame, read-only, from the decoder process's memory; raises `ValueError` before the layout is
    known."""
    if memory is None:
        raise ValueError("something was decoded before it was planned")
    return SampledFrame(slot.pts_seconds, memory.frame(slot.slot, slot.height, slot.width), slot.is_keyframe)
