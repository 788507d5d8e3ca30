"""Measures cuts and motion of a video in this process, by the modules that a decoder process runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np

from operators.frames.static_ratio import static_ratio, thumbnail
from operators.media.containers import MediaFile
from operators.media.decode_request import decode_media
from operators.media.index import MediaIndex
from operators.media.ipc_messages import FramesReady, Indexed, MotionReady, Planned
from operators.media.layout import MediaMemory
from operators.media.motion_memory import motion_track_in
from operators.media.plan import PlanPolicy
from operators.media.tracks import MotionTrack
from operators.motion.early_keyframes import known_keyframes
from operators.motion.track_motion import TrackMotion, measure_motion
from operators.native_threads import hold_to_one_thread

_MAX_PIXELS = 64 * 2**20


@dataclass(frozen=True, slots=True)
class MeasuredVideo:
    """What is said of one video."""

    motion: TrackMotion
    visual_static_ratio: float | None
    """Of the sampled pictures."""
    duration_seconds: float
    cpu_seconds: float
    """Of decode and operators, without models."""


def measured_video(path: Path, policy: PlanPolicy | None = None) -> MeasuredVideo:
    """Decode and measure a file, as a worker does: OpenCV computes on one thread.

    Args:
        path: of the file.
        policy: what to decode; the default one if None.

    Raises:
        InvalidMedia: it cannot be decoded.
    """
    with one_opencv_thread():
        return _measured(path, policy or PlanPolicy())


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Make OpenCV compute on the calling thread for a while; other methods have their own number."""
    num_threads = cv2.getNumThreads()
    hold_to_one_thread()
    try:
        yield
    finally:
        cv2.setNumThreads(num_threads)


def _measured(path: Path, policy: PlanPolicy) -> MeasuredVideo:
    began = time.process_time()
    messages, memory_fd = _decoded(path, policy)
    try:
        index, memory = _index_and_memory(messages, memory_fd)
        motion = measure_motion(_track(messages, memory), known_keyframes(index.video))
        spent_seconds = time.process_time() - began
        thumbnails = [thumbnail(luma) for luma in _sampled_lumas(messages, memory)]
    finally:
        os.close(memory_fd)
    duration_seconds = index.video.duration_seconds if index.video else 0.0
    return MeasuredVideo(motion, static_ratio(thumbnails), duration_seconds, spent_seconds)


def _decoded(path: Path, policy: PlanPolicy) -> tuple[list[msgspec.Struct], int]:
    """Return the messages of a decoder, and the shared memory."""
    fd, memory_fd = os.open(path, os.O_RDONLY), os.memfd_create("decoded")
    io_counts_fd = os.open("/proc/self/io", os.O_RDONLY)
    media = MediaFile(fd, path.stat().st_size, _MAX_PIXELS)
    messages: list[msgspec.Struct] = []
    try:
        decode_media(media, memory_fd, policy, messages.append, io_counts_fd)
    finally:
        media.close()
        for each in (fd, io_counts_fd):
            os.close(each)
    return messages, memory_fd


def _index_and_memory(messages: list[msgspec.Struct], memory_fd: int) -> tuple[MediaIndex, MediaMemory]:
    (index,) = (message.index for message in messages if isinstance(message, Indexed))
    (layout,) = (message.layout for message in messages if isinstance(message, Planned))
    return index, MediaMemory(memory_fd, layout, writable=False)


def _track(messages: list[msgspec.Struct], memory: MediaMemory) -> MotionTrack:
    (ready,) = (message for message in messages if isinstance(message, MotionReady))
    return motion_track_in(memory, ready)


def _sampled_lumas(messages: list[msgspec.Struct], memory: MediaMemory) -> list[np.ndarray]:
    slots = [slot for message in messages if isinstance(message, FramesReady) for slot in message.frames]
    pictures = (memory.frame(slot.slot, slot.height, slot.width) for slot in slots)
    return [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) for picture in pictures]
