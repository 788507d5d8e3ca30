"""One decode per video, shared by all agents."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from operators.errors import InvalidMedia
from operators.internal_errors import InternalError, boundary
from operators.media.decode_replay import DecodeReplay
from operators.media.decoder_client import DecoderKilled, Ensure
from operators.media.fetch_meter import FetchMeter, ensuring
from operators.media.index import MediaIndex, StreamFault
from operators.media.ipc_messages import (
    AudioReady,
    DecodeRequest,
    FrameSlot,
    FramesReady,
    Indexed,
    MotionReady,
    Planned,
    Reply,
    TextPicturesReady,
)
from operators.media.layout import MediaMemory
from operators.media.look_around import Looker, frame_in
from operators.media.memory import SharedMemory
from operators.media.motion_memory import motion_track_in
from operators.media.neighbours import NOBODY, Neighbourhood, neighbour_plan, pictures_plan
from operators.media.plan import PlanPolicy, VideoPlan, make_plan
from operators.media.pool import DecoderPool
from operators.media.receipt import DecodeUsage, failed_receipt
from operators.media.sources.opened_source import OpenedSource
from operators.media.tracks import AudioTrack, MotionTrack, SampledFrame, TextPicture
from operators.media.undecodable import NO_PICTURE, NO_SOUND
from operators.tracing import SILENT_TRACER, Tracer
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


@dataclass(slots=True)
class DecodeState:
    """Results of the decode so far."""

    index: MediaIndex | None = None
    memory: MediaMemory | None = None
    motion: MotionTrack | None = None
    text_pictures: tuple[TextPicture, ...] = ()
    audio: AudioTrack | None = None
    is_audio_settled: bool = False
    receipt: DecodeUsage | None = None


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
        self._yield = DecodeState()
        self._frames: list[SampledFrame] = []
        self._failure: Exception | None = None
        self._no_frames: InvalidMedia | None = None
        self._no_audio: InvalidMedia | None = None
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
        await self._until(lambda: self._yield.index is not None)
        assert self._yield.index is not None
        return self._yield.index

    async def frames(self) -> AsyncIterator[SampledFrame]:
        """Yield sampled frames in order of time, from the first, while decoding continues; none without video.

        Raises:
            InvalidMedia: media-no-frames, media-no-decoder, media-encrypted or media-damaged if there is video of which
                hardly anything could be decoded; after the frames that were.
        """
        position = 0
        while await self._has_frame(position):
            yield self._frames[position]
            position += 1
        _raise_if(self._no_frames)

    async def motion(self) -> MotionTrack | None:
        """The motion track, complete; None without video.

        Raises:
            InvalidMedia: as `frames` does.
        """
        await self._until(lambda: self._yield.receipt is not None)  # which determines the coverage of the pictures
        _raise_if(self._no_frames)
        return self._yield.motion

    async def text_pictures(self) -> tuple[TextPicture, ...]:
        """Return the few pictures in which text may be, those with the most that looks like it first."""
        await self._until(lambda: self._yield.receipt is not None)
        return self._yield.text_pictures

    async def audio(self) -> AudioTrack | None:
        """Return the audio track, complete, as soon as the sound is decoded; None without sound.

        Raises:
            InvalidMedia: media-unreadable, media-no-decoder, media-encrypted or media-damaged if there is sound of
                which hardly anything could be decoded.
        """
        await self._until(lambda: self._yield.is_audio_settled)
        _raise_if(self._no_audio)
        return self._yield.audio

    async def receipt(self) -> DecodeUsage:
        """Return the cost of the decode, when it is over."""
        await self._until(lambda: self._yield.receipt is not None)
        assert self._yield.receipt is not None
        return self._yield.receipt

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
        if self._yield.receipt is not None or self._failure is None or not self._decoder_cpu_seconds:
            return self._yield.receipt
        return failed_receipt(self._decoder_cpu_seconds, self._fetching.cpu_seconds)

    async def close(self) -> None:
        """Stop decoding and release the memory."""
        decoding, self._decoding = self._decoding, None
        if decoding is not None:
            decoding.cancel()
            await asyncio.wait([decoding])
        self._yield = DecodeState()
        self._frames = []

    async def _has_frame(self, position: int) -> bool:
        """Return whether there is a frame at `position`, as soon as that is known."""
        await self._until(lambda: len(self._frames) > position or self._yield.receipt is not None)
        return len(self._frames) > position

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
            self._settle(await self._decoded_in_tries())
        except Exception as failure:
            # Any error is kept for the agents to raise: nobody awaits this task.
            self._failure = failure
        finally:
            self._notify()

    async def _decoded_in_tries(self) -> DecodeUsage:
        """Open and decode; repeat after an unexpected error that another attempt may not have."""
        retelling = DecodeReplay()
        for number, pause_seconds in enumerate((*self._between_tries_seconds, None), 1):
            try:
                with boundary("media"):
                    return await self._decoded(retelling)
            except InternalError as error:
                error.num_tries = len(self._between_tries_seconds) + 1 if self._is_torn else number
                if pause_seconds is None or self._is_torn:
                    raise
            retelling.begin_again()
            await asyncio.sleep(pause_seconds)
        raise AssertionError("the last try returns or raises")

    async def _decoded(self, retelling: DecodeReplay) -> DecodeUsage:
        with self._tracer.span("fetch") as span, boundary("source"):
            media = await self._fetching.counted(self._opener.open(self._source))
            span.note("bytes", media.size_bytes)
        try:
            return await self._decoded_from(media, retelling)
        finally:
            with boundary("source"):
                await media.aclose()

    async def _decoded_from(self, media: OpenedSource, retelling: DecodeReplay) -> DecodeUsage:
        ensure = ensuring(media, self._fetching)
        receipt = await self._decoded_patiently(media, ensure, retelling)
        return replace(
            receipt,
            bytes_read=media.bytes_fetched or receipt.bytes_read,
            bytes_fetched=media.bytes_fetched,
            fetch_cpu_seconds=self._fetching.cpu_seconds,
        )

    async def _decoded_patiently(self, media: OpenedSource, ensure: Ensure, retelling: DecodeReplay) -> DecodeUsage:
        """Decode once more in a new process if the first was killed from outside; the receipt contains both costs."""
        try:
            return await self._decoded_once(media, ensure, retelling)
        except DecoderKilled as first:
            retelling.begin_again()
            lost_cpu_seconds = self._decoder_cpu_seconds
            try:
                receipt = await self._decoded_once(media, ensure, retelling)
            except DecoderKilled as second:
                raise InvalidMedia("media-decoder-killed", _killed_twice(first, second)) from second
        return replace(receipt, cpu_seconds=receipt.cpu_seconds + lost_cpu_seconds)

    async def _decoded_once(self, media: OpenedSource, ensure: Ensure, retelling: DecodeReplay) -> DecodeUsage:
        """Decode with separate memory: agents may still read that of the previous decode."""
        memory = SharedMemory(self._pool.limits.output_bytes)

        def take(reply: Reply) -> None:
            new = retelling.new_part(reply)
            if isinstance(reply, Planned):
                self._yield.memory = memory.read(reply.layout)
            if new is not None:
                self._is_torn = True
                self._take(new)
                self._is_torn = False

        try:
            request = DecodeRequest(media.size_bytes, self._policy, media.is_whole)
            return await self._pool.decode(request, media.fd, memory.fd, take, ensure, self._count_cpu)
        finally:
            memory.close()

    def _take(self, reply: Reply) -> None:
        """Process a message of the decoder process; raises `ValueError` if it is invalid."""
        match reply:
            case Indexed(index):
                self._yield.index = index
                self._yield.is_audio_settled = index.audio is None
                self._no_frames = _failure(index.video_fault)
                self._no_audio = _failure(index.audio_fault)
            case FramesReady(frames):
                self._frames += [self._frame(slot) for slot in frames]
            case TextPicturesReady(pictures):
                memory = self._mapped()
                self._yield.text_pictures = tuple(
                    TextPicture(
                        each.pts_seconds, memory.text_picture(each.slot, each.height, each.width), each.alike_seconds
                    )
                    for each in pictures
                )
            case MotionReady():
                self._yield.motion = motion_track_in(self._mapped(), reply)
            case AudioReady():
                self._take_audio(reply)
        self._notify()

    def _mapped(self) -> MediaMemory:
        if self._yield.memory is None:
            raise ValueError("something was decoded before it was planned")
        return self._yield.memory

    def _frame(self, slot: FrameSlot) -> SampledFrame:
        return frame_in(self._yield.memory, slot)

    def _take_audio(self, ready: AudioReady) -> None:
        self._yield.is_audio_settled = True
        if ready.fault is not None:
            self._no_audio = _failure(ready.fault)
        elif ready.num_samples:
            memory = self._mapped()
            self._yield.audio = AudioTrack(
                memory.speech(ready.num_samples),
                memory.full_band(ready.num_samples),
                ready.spans,
                ready.channel_weights,
                ready.stereo_gains,
            )
        elif ready.num_errors:
            self._no_audio = InvalidMedia("media-unreadable", NO_SOUND)
        elif self._yield.index and self._yield.index.audio and self._yield.index.audio.announced_seconds:
            announced = f"{self._yield.index.audio.announced_seconds:.3g} s"
            self._no_audio = InvalidMedia("media-damaged", f"the container states {announced} of sound and has none")

    def _settle(self, receipt: DecodeUsage) -> None:
        has_video = self._yield.index is not None and self._yield.index.video is not None
        if receipt.video_fault is not None:
            self._no_frames = _failure(receipt.video_fault)
        elif has_video and not self._frames:
            self._no_frames = InvalidMedia("media-no-frames", f"there is sound, but {NO_PICTURE}")
        self._yield.is_audio_settled = True
        self._yield.receipt = receipt


class MediaSessions:
    """The sessions of this worker: at most one per key, with a reference count."""

    def __init__(
        self,
        pool: DecoderPool,
        opener: MediaOpener,
        policy: PlanPolicy | None = None,
        tracer: Tracer = SILENT_TRACER,
        between_tries_seconds: tuple[float, ...] = BETWEEN_TRIES_SECONDS,
    ) -> None:
        """The creator of `pool` and `opener` closes them."""
        self._between_tries_seconds = between_tries_seconds
        self._pool = pool
        self._opener = opener
        self._policy = policy or PlanPolicy()
        self._tracer = tracer
        self._sessions: dict[str, tuple[MediaSession, int]] = {}
        self.fetching = FetchMeter()
        """Of all sessions."""

    def decoder_cpu_seconds(self) -> float:
        """CPU time of the decoder processes so far, including their starts."""
        return self._pool.cpu_seconds()

    def decoder_start_cpu_seconds(self) -> float:
        """CPU time that they used until each was ready."""
        return self._pool.start_cpu_seconds()

    def __len__(self) -> int:
        """Number of open sessions."""
        return len(self._sessions)

    @asynccontextmanager
    async def open(self, key: str, source: MediaSource) -> AsyncIterator[MediaSession]:
        """Join the session of `key`, or start it; the last user closes it.

        Args:
            key: One per video and revision.
            source: The media's source; only that of the first user counts.
        """
        session = self._enter(key, source)
        try:
            yield session
        finally:
            if self._leave(key):
                await session.close()

    def _enter(self, key: str, source: MediaSource) -> MediaSession:
        session, num_users = self._sessions.get(key, (None, 0))
        if session is None:
            session = MediaSession(
                source, self._opener, self._pool, self._policy, self._tracer, self.fetching, self._between_tries_seconds
            )
        self._sessions[key] = (session, num_users + 1)
        return session

    def _leave(self, key: str) -> bool:
        """Return whether that was the last user."""
        session, num_users = self._sessions.pop(key)
        if num_users > 1:
            self._sessions[key] = (session, num_users - 1)
        return num_users == 1


def _killed_twice(first: DecoderKilled, second: DecoderKilled) -> str:
    return (
        f"two decoder processes were killed from outside, by {first.by} and {second.by}: most likely memory ran out;"
        " look at the memory of the machine or container, and allow fewer decoder processes or less memory for each"
    )


def _failure(fault: StreamFault | None) -> InvalidMedia | None:
    return None if fault is None else InvalidMedia(fault.cause, fault.message)


def _raise_if(failure: Exception | None) -> None:
    if failure is not None:
        raise failure
