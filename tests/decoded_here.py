"""One decode in this process, by the modules that a decoder process runs: quick, and open to look at."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import av.logging
import msgspec
import numpy as np

from operators.errors import InvalidMedia
from operators.media.containers import MediaFile
from operators.media.decode_request import decode_media
from operators.media.index import MediaIndex, StreamFault
from operators.media.ipc_messages import AudioReady, FramesReady, Indexed, MotionReady, TextPicturesReady
from operators.media.layout import MediaMemory
from operators.media.motion_memory import motion_track_in
from operators.media.not_media import unreadable
from operators.media.plan import DecodePlan, PlanPolicy, make_plan
from operators.media.receipt import DecodeUsage
from operators.media.tracks import AudioSpan, MotionTrack, TextPicture

MAX_PIXELS = 64 * 2**20


@dataclass
class DecodedHere:
    """What agents would get."""

    index: MediaIndex | None = None
    plan: DecodePlan | None = None
    seconds: list[float] = field(default_factory=list)
    """When each sampled picture is shown."""
    pictures: list[np.ndarray] = field(default_factory=list)
    text_pictures: tuple[TextPicture, ...] = ()
    motion: MotionTrack | None = None
    speech: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    full_band: np.ndarray = field(default_factory=lambda: np.zeros((0, 1), np.float32))
    spans: tuple[AudioSpan, ...] = ()
    channel_weights: tuple[float, ...] = ()
    audio_fault: StreamFault | None = None
    receipt: DecodeUsage | None = None
    failure: InvalidMedia | None = None

    @property
    def video_fault(self) -> StreamFault | None:
        """Why the pictures failed."""
        assert self.index is not None
        return self.index.video_fault or (self.receipt.video_fault if self.receipt else None)


def decoded_here(path: Path, policy: PlanPolicy | None = None) -> DecodedHere:
    """Index, plan and decode a file; what fails as a whole is reported in `failure`."""
    policy = policy or PlanPolicy()
    fd, memory_fd = os.open(path, os.O_RDONLY), os.memfd_create("decoded")
    media = MediaFile(fd, path.stat().st_size, MAX_PIXELS)
    found = DecodedHere()
    messages: list[msgspec.Struct] = []
    av.logging.set_level(None)
    try:
        done = decode_media(media, memory_fd, policy, messages.append, os.open("/proc/self/io", os.O_RDONLY))
        found.receipt = done.receipt
    except InvalidMedia as failure:
        found.failure = failure
    except (av.FFmpegError, MemoryError, ValueError, UnicodeError) as error:
        found.failure = unreadable(media, error)
    finally:
        media.close()
        os.close(fd)
    _take(found, messages, memory_fd, policy)
    os.close(memory_fd)
    return found


def _take(found: DecodedHere, messages: list[msgspec.Struct], memory_fd: int, policy: PlanPolicy) -> None:
    memory: MediaMemory | None = None
    for message in messages:
        match message:
            case Indexed(index):
                found.index = index
                found.plan = make_plan(index, policy, max_pixels=MAX_PIXELS)
            case FramesReady(frames):
                assert memory is not None
                found.seconds += [frame.pts_seconds for frame in frames]
                found.pictures += [memory.frame(frame.slot, frame.height, frame.width).copy() for frame in frames]
            case AudioReady():
                assert memory is not None
                found.speech = memory.speech(message.num_samples).copy()
                found.full_band = memory.full_band(message.num_samples).copy()
                found.spans, found.audio_fault = message.spans, message.fault
                found.channel_weights = message.channel_weights
            case TextPicturesReady(pictures):
                assert memory is not None
                found.text_pictures = tuple(
                    TextPicture(
                        each.pts_seconds,
                        memory.text_picture(each.slot, each.height, each.width).copy(),
                        each.alike_seconds,
                    )
                    for each in pictures
                )
            case MotionReady():
                assert memory is not None
                found.motion = motion_track_in(memory, message)
            case _:
                memory = MediaMemory(memory_fd, message.layout, writable=True)  # type: ignore[attr-defined]
