"""One decode of one video, shared by all agents."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from operators.errors import InvalidMedia
from operators.internal_errors import InternalError, boundary
from operators.media.decode_replay import DecodeReplay
from operators.media.decode_results import DecodeResults
from operators.media.decoder_client import DecoderKilled, Ensure
from operators.media.fetch_meter import FetchMeter, ensuring
from operators.media.index import MediaIndex
from operators.media.ipc_messages import (
    DecodeRequest,
    Planned,
    Reply,
)
from operators.media.look_around import Looker
from operators.media.memory import SharedMemory
from operators.media.neighbours import NOBODY, Neighbourhood, neighbour_plan, pictures_plan
from operators.media.plan import PlanPolicy, VideoPlan, make_plan
from operators.media.pool import DecoderPool
from operators.media.receipt import DecodeUsage, failed_receipt
from operators.media.sources.opened_source import OpenedSource
from operators.media.tracks import AudioTrack, MotionTrack, SampledFrame, TextPicture
from operators.tracing import Tracer
from schemas.uploads import MediaSource

BETWEEN_TRIES_SECONDS: Final = (1.0, 4.0)
"""Waits between the attempts of a decode with an unexpected error: three in all."""


class MediaOpener(Protocol):
    """Opens media for sessions."""

    async def open(self, source: MediaSource) -> OpenedSource:
        """Check the media and make it readable; the caller closes it.

        Raises:
            InvalidMedia: The media is at fault.
            SourceUnavailable: The source does not answer now.
            SpoolFull: There is no room for it now.
        """


class MediaSession:
    """The shared decode of one video. Created by `MediaSessions.open`.

    Decoding starts when the first agent requests anything and continues when an agent is cancelled. Arrays that agents
    hold keep the shared memory alive; drop them with the session. Every method raises `InvalidMedia` when the media is
    at fault, `SourceUnavailable` when it cannot be fetched or read now, and `InternalError` after an unexpected error
    in each of a few attempts: the same object for every agent.
    """

    def __init__(
        self,
        source: MediaSource,
        opener: MediaOpener,
        pool: DecoderPool,
        policy: PlanPolicy,
        tracer: Tracer,
        fetching: FetchMeter | None = None,
        between_tries_seconds: tuple[float, ...] = BETWEEN_TRIES_SECONDS,
    ) -> None:
        self._between_tries_seconds = between_tries_seconds
        self._is_torn = False
        """Whether a decode's results were taken in part; no other decode can continue from there."""
        self._source = source
        self._opener = opener
        self._pool = pool
        self._policy = policy
        self._tracer = tracer
        self._fetching = FetchMeter(fetching)
        self._decoder_cpu_seconds = 0.0
        self._results = DecodeResults()
        self._failure: Exception | None = None
        self._changed = asyncio.Event()
        self._decoding: asyncio.Task[None] | None = None
        self._is_decode_counted = False
        self.decode_id = uuid.uuid4().hex
        """Identifies the one decode on every receipt of it, whichever upload event an agent has."""

    def take_decode_count(self) -> bool:
        """Return True for the first agent: it counts the decode, also if several upload events share it."""
        is_first, self._is_decode_counted = not self._is_decode_counted, True
        return is_first

    async def index(self) -> MediaIndex:
        """Return the container's index, before a frame is decoded."""
        await self._until(lambda: self._results.index is not None)
        assert self._results.index is not None
        return self._results.index

    async def frames(self) -> AsyncIterator[SampledFrame]:
        """Yield sampled frames in order of time, from the first, while decoding continues; none without video.

        Raises:
            InvalidMedia: media-no-frames, media-no-decoder, media-encrypted or media-damaged if there is video of which
                hardly anything could be decoded; after the frames that were.
        """
        position = 0
        while await self._has_frame(position):
            yield self._results.frames[position]
            position += 1
        _raise_if(self._results.no_frames)

    async def motion(self) -> MotionTrack | None:
        """The motion track, complete; None without video.

        Raises:
            InvalidMedia: as `frames` does.
        """
        await self._until(lambda: self._results.receipt is not None)  # which determines the coverage of the pictures
        _raise_if(self._results.no_frames)
        return self._results.motion

    async def text_pictures(self) -> tuple[TextPicture, ...]:
        """Return the few pictures in which text may be, those with the most that looks like it first."""
        await self._until(lambda: self._results.receipt is not None)
        return self._results.text_pictures

    async def audio(self) -> AudioTrack | None:
        """Return the audio track, complete, as soon as the sound is decoded; None without sound.

        Raises:
            InvalidMedia: media-unreadable, media-no-decoder, media-encrypted or media-damaged if there is sound of
                which hardly anything could be decoded.
        """
        await self._until(lambda: self._results.is_audio_settled)
        _raise_if(self._results.no_audio)
        return self._results.audio

    async def receipt(self) -> DecodeUsage:
        """Return the cost of the decode, when it is over."""
        await self._until(lambda: self._results.receipt is not None)
        assert self._results.receipt is not None
        return self._results.receipt

    async def look_around(self, seconds: Sequence[float]) -> Neighbourhood:
        """Return pictures around some that were sampled, by a separate decode; none if that fails.

        Args:
            seconds: of sampled pictures, the most important first.

        Raises:
            SourceUnavailable: the media cannot be fetched or read now.
            InternalError: an unexpected error.
        """
        return await self._look(neighbour_plan, seconds)

    async def pictures_at(self, groups: Sequence[Sequence[float]]) -> Neighbourhood:
        """Return the pictures that are shown at some times, by a separate decode; none if that fails.

        Args:
            groups: of times that are near each other, such as those of a clip.

        Raises:
            SourceUnavailable, InternalError: as `look_around` does.
        """
        return await self._look(pictures_plan, groups)

    async def _look(self, make_look: Callable[..., VideoPlan | None], wanted: Sequence[Any]) -> Neighbourhood:
        index = await self.index()
        plan = make_plan(index, self._policy, max_pixels=self._pool.limits.max_pixels).video
        if index.video is None or plan is None:
            return NOBODY
        look = make_look(index.video, plan, wanted, self._policy.full_decode_max_seconds)
        looker = Looker(lambda: self._opener.open(self._source), self._pool, self._policy, self._fetching)
        return NOBODY if look is None else await looker.look(look)

    def ended_receipt(self) -> DecodeUsage | None:
        """Return the cost of a decode that is over, also of a failed one; None before that, or without one."""
        if self._results.receipt is not None or self._failure is None or not self._decoder_cpu_seconds:
            return self._results.receipt
        return failed_receipt(self._decoder_cpu_seconds, self._fetching.cpu_seconds)

    async def close(self) -> None:
        """Stop decoding and release the memory."""
        decoding, self._decoding = self._decoding, None
        if decoding is not None:
            decoding.cancel()
            await asyncio.wait([decoding])
        self._results = DecodeResults()

    async def _has_frame(self, position: int) -> bool:
        """Return whether there is a frame at `position`, as soon as that is known."""
        await self._until(lambda: len(self._results.frames) > position or self._results.receipt is not None)
        return len(self._results.frames) > position

    async def _until(self, is_ready: Callable[[], bool]) -> None:
        if self._decoding is None:
            self._decoding = asyncio.create_task(self._decode(), name="decode")
        while not is_ready():
            _raise_if(self._failure)
            await self._changed.wait()

    def _count_cpu(self, cpu_seconds: float) -> None:
        self._decoder_cpu_seconds += cpu_seconds

    def _notify(self) -> None:
        """Wake all waiters; new waiters wait for the next change."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _decode(self) -> None:
        try:
            self._results.settle(await self._decoded_in_tries())
        except Exception as failure:
            # Any error is kept for the agents to raise: nobody awaits this task.
            self._failure = failure
        finally:
            self._notify()

    async def _decoded_in_tries(self) -> DecodeUsage:
        """Open and decode; repeat after an unexpected error that another attempt may not have."""
        replay = DecodeReplay()
        for number, pause_seconds in enumerate((*self._between_tries_seconds, None), 1):
            try:
                with boundary("media"):
                    return await self._decoded(replay)
            except InternalError as error:
                error.num_tries = len(self._between_tries_seconds) + 1 if self._is_torn else number
                if pause_seconds is None or self._is_torn:
                    raise
            replay.begin_again()
            await asyncio.sleep(pause_seconds)
        raise AssertionError("the last try returns or raises")

    async def _decoded(self, replay: DecodeReplay) -> DecodeUsage:
        with self._tracer.span("fetch") as span, boundary("source"):
            media = await self._fetching.counted(self._opener.open(self._source))
            span.note("bytes", media.size_bytes)
        try:
            return await self._decoded_from(media, replay)
        finally:
            with boundary("source"):
                await media.aclose()

    async def _decoded_from(self, media: OpenedSource, replay: DecodeReplay) -> DecodeUsage:
        ensure = ensuring(media, self._fetching)
        receipt = await self._decoded_patiently(media, ensure, replay)
        return replace(
            receipt,
            bytes_read=media.bytes_fetched or receipt.bytes_read,
            bytes_fetched=media.bytes_fetched,
            fetch_cpu_seconds=self._fetching.cpu_seconds,
        )

    async def _decoded_patiently(self, media: OpenedSource, ensure: Ensure, replay: DecodeReplay) -> DecodeUsage:
        """Decode once more in a new process if the first was killed from outside; the receipt contains both costs."""
        try:
            return await self._decoded_once(media, ensure, replay)
        except DecoderKilled as first:
            replay.begin_again()
            lost_cpu_seconds = self._decoder_cpu_seconds
            try:
                receipt = await self._decoded_once(media, ensure, replay)
            except DecoderKilled as second:
                raise InvalidMedia("media-decoder-killed", _killed_twice(first, second)) from second
        return replace(receipt, cpu_seconds=receipt.cpu_seconds + lost_cpu_seconds)

    async def _decoded_once(self, media: OpenedSource, ensure: Ensure, replay: DecodeReplay) -> DecodeUsage:
        """Decode with separate memory: agents may still read that of the previous decode."""
        memory = SharedMemory(self._pool.limits.output_bytes)

        def take(reply: Reply) -> None:
            new = replay.new_part(reply)
            if isinstance(reply, Planned):
                self._results.memory = memory.read(reply.layout)
            if new is not None:
                self._is_torn = True
                self._results.take(new)
                self._notify()
                self._is_torn = False

        try:
            request = DecodeRequest(media.size_bytes, self._policy, media.is_whole)
            return await self._pool.decode(request, media.fd, memory.fd, take, ensure, self._count_cpu)
        finally:
            memory.close()


def _killed_twice(first: DecoderKilled, second: DecoderKilled) -> str:
    return (
        f"two decoder processes were killed from outside, by {first.by} and {second.by}: most likely memory ran out;"
        " look at the memory of the machine or container, and allow fewer decoder processes or less memory for each"
    )


def _raise_if(failure: Exception | None) -> None:
    if failure is not None:
        raise failure
