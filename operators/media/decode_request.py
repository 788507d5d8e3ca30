"""Serves decode requests: index, plan, sound, pictures, receipt. Decoder process only."""

from __future__ import annotations

import os
import resource
import socket
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from av.error import FFmpegError

from operators.errors import InvalidMedia
from operators.media.containers import (
    MediaFile,
    give_back,
    refuse_many_pixels,
    refused_picture_size,
    take_container,
)
from operators.media.decode_audio import AudioTally, decode_audio
from operators.media.decode_video import VideoTally, decode_video
from operators.media.edits import take_edits
from operators.media.index import MediaIndex, StreamFault
from operators.media.ipc_messages import (
    AVAILABLE,
    LENGTH_BYTES,
    Broken,
    ByteRange,
    DecodeRequest,
    Done,
    Failed,
    Indexed,
    Planned,
    Ready,
    Unreadable,
    body_length,
    decode_request,
    encode,
)
from operators.media.layout import MediaMemory, layout_for
from operators.media.limits import DecodeLimits, allow_cpu_seconds
from operators.media.look_again import look_again
from operators.media.not_media import unreadable, without_streams
from operators.media.plan import DecodePlan, PlanPolicy, coverage_ratio, make_plan
from operators.media.progressive_file import LocalReadFailed, ProgressiveFile
from operators.media.read_index import read_index
from operators.media.receipt import DecodeUsage, look_receipt
from operators.media.seen import picture_shares, sound_shares
from operators.media.shares import damage
from operators.media.tracks import SPEECH_HZ
from operators.media.undecodable import NO_PICTURE, NO_SOUND

Send = Callable[[msgspec.Struct], None]
LastWord = Done | Failed | Unreadable | Broken
AT_FAULT: Final = (FFmpegError, MemoryError, ValueError, ArithmeticError, RecursionError)
"""Errors caused by unreadable media, such as numbers beyond any time, and endlessly nested lists."""
_MAX_TEXT: Final = 20_000
"""Maximum number of characters of an error and of its traceback in a reply."""


@dataclass(slots=True)
class Meter:
    """Usage of this process since the request arrived."""

    counters_fd: int
    started: float = field(default_factory=time.monotonic)
    cpu_before: float = field(init=False)
    bytes_before: int = field(init=False)
    index_cpu_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.cpu_before = _cpu_seconds()
        self.bytes_before = _bytes_read(self.counters_fd)

    def indexed(self) -> None:
        """Note the end of index and plan."""
        self.index_cpu_seconds = _cpu_seconds() - self.cpu_before

    def look_receipt(self) -> DecodeUsage:
        """Return the cost of a second look."""
        num_bytes = _bytes_read(self.counters_fd) - self.bytes_before
        return look_receipt(_cpu_seconds() - self.cpu_before, time.monotonic() - self.started, num_bytes)

    def receipt(self, index: MediaIndex, plan: DecodePlan, video: VideoTally, audio: AudioTally) -> DecodeUsage:
        """Return the cost, and the coverage of pictures and sound."""
        seen = picture_shares(index, plan, video)
        return DecodeUsage(
            cpu_seconds=_cpu_seconds() - self.cpu_before,
            wall_seconds=time.monotonic() - self.started,
            bytes_read=_bytes_read(self.counters_fd) - self.bytes_before,
            frames_decoded=video.frames_decoded,
            frames_sampled=video.frames_sampled,
            motion_frames=video.motion_frames,
            audio_seconds=audio.num_samples / SPEECH_HZ,
            decode_errors=video.errors + audio.errors,
            decoder=video.decoder,
            coverage_ratio=coverage_ratio(plan.covered_grid_seconds, plan.period_seconds, video.shown),
            index_cpu_seconds=self.index_cpu_seconds,
            video=seen,
            audio=sound_shares(index, plan, audio),
            video_fault=video.fault or (damage("video", seen) if seen else None),
        )


def serve(channel: socket.socket, limits: DecodeLimits, *, counters_fd: int, is_network_isolated: bool) -> None:
    """Serve requests until the parent closes the socket.

    Args:
        channel: For requests and replies.
        limits: Already in force, except for CPU time, which is granted again with each request.
        counters_fd: `/proc/self/io`, opened before this process became unreadable for others.
        is_network_isolated: Reported to the parent.
    """

    def send(message: msgspec.Struct) -> None:
        channel.sendall(encode(message))

    def ask(start: int, stop: int) -> bool:
        send(ByteRange(start, stop))
        return channel.recv(1) == AVAILABLE

    send(Ready(is_network_isolated))
    while (received := _receive(channel)) is not None:
        request, media_fd, memory_fd = received
        allow_cpu_seconds(limits.cpu_seconds)
        media = MediaFile(media_fd, request.size_bytes, limits.max_pixels)
        if not request.is_whole:
            media.arriving = ProgressiveFile(media_fd, request.size_bytes, ask)
        try:
            send(_last_word(media, memory_fd, request, send, counters_fd))
        finally:
            media.close()
            os.close(media_fd)
            os.close(memory_fd)


def _last_word(media: MediaFile, memory_fd: int, request: DecodeRequest, send: Send, counters_fd: int) -> LastWord:
    """Decode. Results of a file that this machine stopped reading are neither sent nor attributed to the media."""

    def send_if_readable(message: msgspec.Struct) -> None:
        media.reader.require_readable()
        send(message)

    try:
        done = _answer(media, memory_fd, request, send_if_readable, counters_fd)
        media.reader.require_readable()
    except LocalReadFailed as failure:
        return Unreadable(str(failure))
    except Exception as error:
        return Broken(f"{type(error).__name__}: {error}"[:_MAX_TEXT], traceback.format_exc()[-_MAX_TEXT:])
    return done


def _answer(media: MediaFile, memory_fd: int, request: DecodeRequest, send: Send, counters_fd: int) -> Done | Failed:
    try:
        if request.look is not None:
            return look_again(media, memory_fd, request.look, send, Meter(counters_fd).look_receipt)
        return decode_media(media, memory_fd, request.policy, send, counters_fd)
    except InvalidMedia as fault:
        return Failed(fault.cause, fault.message)
    except AT_FAULT as error:
        unexpected = unreadable(media, error)
        return Failed(unexpected.cause, unexpected.message)


def _receive(channel: socket.socket) -> tuple[DecodeRequest, int, int] | None:
    """Return the next request and its descriptors: media, then memory. None when the parent has closed the socket."""
    prefix, descriptors, _, _ = socket.recv_fds(channel, LENGTH_BYTES, 2)
    if len(prefix) < LENGTH_BYTES or len(descriptors) != 2:
        return None
    body = channel.recv(body_length(prefix), socket.MSG_WAITALL)
    return decode_request(body), descriptors[0], descriptors[1]


def decode_media(media: MediaFile, memory_fd: int, policy: PlanPolicy, send: Send, counters_fd: int) -> Done:
    """Index, plan and decode one file into the memory; all messages except the last are sent meanwhile.

    Raises:
        InvalidMedia: the media is at fault.
        AT_FAULT: the same, as an error of FFmpeg or Python.
    """
    meter = Meter(counters_fd)
    index = _index(media)
    send(Indexed(index))
    plan = make_plan(index, policy, max_pixels=media.max_pixels, is_whole=media.arriving is None)
    meter.indexed()
    layout = layout_for(plan)
    try:
        os.ftruncate(memory_fd, layout.capacity_bytes)
    except OSError as error:
        raise InvalidMedia("media-decoder-memory", f"decoded it would take {layout.capacity_bytes} bytes") from error
    memory = MediaMemory(memory_fd, layout, writable=True)
    send(Planned(layout))
    return _decode_planned(media, index, plan, memory, send, meter)


def _decode_planned(
    media: MediaFile, index: MediaIndex, plan: DecodePlan, memory: MediaMemory, send: Send, meter: Meter
) -> Done:
    """Decode the sound first: it takes a tenth of the time, and its models can work while pictures are decoded."""
    audio = AudioTally()
    if plan.audio:
        ready, audio = decode_audio(media, plan.audio, memory, index.clock_restarts)
        send(ready)
    return Done(meter.receipt(index, plan, _video(media, plan, memory, send, audio), audio))


def _video(media: MediaFile, plan: DecodePlan, memory: MediaMemory, send: Send, audio: AudioTally) -> VideoTally:
    """Decode pictures. If none can be decoded, sound alone is still useful."""
    if plan.video is None:
        if audio.num_samples:
            return VideoTally()
        if audio.fault is not None:
            raise InvalidMedia(audio.fault.cause, audio.fault.message)
        raise InvalidMedia("media-unreadable", f"there are no pictures, and {_no_sound(audio)}")
    try:
        return decode_video(media, plan.video, memory, send)
    except InvalidMedia as error:
        if error.cause not in ("media-unreadable", "media-encrypted", "media-no-decoder") or not audio.num_samples:
            raise
        return VideoTally(errors=1, fault=StreamFault(error.cause, error.message))


def _no_sound(audio: AudioTally) -> str:
    return NO_SOUND if audio.num_packets or audio.errors else "the sound track is empty"


def _index(media: MediaFile) -> MediaIndex:
    try:
        take_edits(media)
        container = take_container(media)
        index = read_index(container, media)
        give_back(media, container, was_read=index.was_scanned)
    except AT_FAULT as error:
        raise unreadable(media, error) from error
    if index.video is None and index.audio is None:
        for fault in (index.video_fault, index.audio_fault):
            if fault is not None:
                raise InvalidMedia(fault.cause, fault.message)
        raise without_streams(media)
    if index.video is not None:
        _check_size(media, index.video.width, index.video.height)
    return index


def _check_size(media: MediaFile, width: int, height: int) -> None:
    refuse_many_pixels(width, height, media.max_pixels)
    if width and height:
        return
    if refused := refused_picture_size(media):
        raise InvalidMedia("media-too-many-pixels", f"pictures of {refused}; at most {media.max_pixels} pixels")
    raise InvalidMedia("media-unreadable", NO_PICTURE)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _bytes_read(counters_fd: int) -> int:
    """Return the bytes that this process has requested from the kernel."""
    first_line = os.pread(counters_fd, 64, 0).split(b"\n", 1)[0]
    return int(first_line.removeprefix(b"rchar: "))
