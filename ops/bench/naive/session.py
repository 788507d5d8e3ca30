"""Decodes a whole video inside the agent: every frame, every sample; the same sample points are kept."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.video.frame import VideoFrame

from operators.errors import InvalidMedia
from operators.media.geometry import frame_size, motion_size
from operators.media.index import AudioStreamIndex, MediaIndex, VideoStreamIndex
from operators.media.neighbours import Neighbourhood
from operators.media.plan import PlanPolicy, coverage_ratio
from operators.media.receipt import DecodeUsage
from operators.media.tracks import (
    FULL_BAND_HZ,
    SPEECH_HZ,
    AudioSpan,
    AudioTrack,
    MotionSpan,
    MotionTrack,
    SampledFrame,
    TextPicture,
)

POLICY = PlanPolicy()
"""The same rates and sizes as the pipeline's."""


@dataclass
class NaiveSession:
    """Has the interface of `MediaSession`; everything is decoded before the first agent starts."""

    found: MediaIndex
    sampled: list[SampledFrame]
    track: MotionTrack | None
    sound: AudioTrack | None
    cost: DecodeUsage

    async def index(self) -> MediaIndex:
        """Return the container's index."""
        return self.found

    async def frames(self) -> AsyncIterator[SampledFrame]:
        """The kept frames."""
        for frame in self.sampled:
            yield frame

    async def motion(self) -> MotionTrack | None:
        """Small luma frames."""
        return self.track

    async def text_pictures(self) -> tuple[TextPicture, ...]:
        """None: it reads no text in pictures, which saves time in its favour."""
        return ()

    async def audio(self) -> AudioTrack | None:
        """The sound."""
        return self.sound

    async def look_around(self, seconds: Sequence[float]) -> Neighbourhood:
        """None: it takes no second look."""
        del seconds
        return Neighbourhood((), 0.0)

    async def pictures_at(self, groups: Sequence[Sequence[float]]) -> Neighbourhood:
        """None: no built-in model takes clips of pictures."""
        del groups
        return Neighbourhood((), 0.0)

    async def receipt(self) -> DecodeUsage:
        """Return the cost."""
        return self.cost


@dataclass
class _Pictures:
    """What is kept during the decode."""

    sampled: list[SampledFrame] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    luma: list[np.ndarray] = field(default_factory=list)
    num_decoded: int = 0
    next_sample_seconds: float = 0.0
    next_motion_seconds: float = 0.0


def decode_in_full(path: Path) -> NaiveSession:
    """Decode every frame and every sample of a file. Raises InvalidMedia where FFmpeg cannot."""
    began_cpu, began = time.process_time(), time.monotonic()
    try:
        with av.open(str(path)) as container:
            index = _index(container, path)
            pictures = _pictures(container) if index.video else _Pictures()
        sound = _sound(path) if index.audio else None
    except av.FFmpegError as error:
        raise InvalidMedia("media-unreadable", str(error)) from error
    return NaiveSession(
        found=index,
        sampled=pictures.sampled,
        track=_track(pictures),
        sound=sound,
        cost=DecodeUsage(
            cpu_seconds=time.process_time() - began_cpu,
            wall_seconds=time.monotonic() - began,
            bytes_read=path.stat().st_size,
            frames_decoded=pictures.num_decoded,
            frames_sampled=len(pictures.sampled),
            motion_frames=len(pictures.luma),
            audio_seconds=len(sound.speech) / SPEECH_HZ if sound else 0.0,
            decode_errors=0,
            decoder="naive",
            coverage_ratio=_coverage(index, pictures),
        ),
    )


def _pictures(container: InputContainer) -> _Pictures:
    kept = _Pictures()
    stream = container.streams.video[0]
    stream.thread_count = 1
    for frame in container.decode(stream):
        kept.num_decoded += 1
        seconds = float(frame.time or 0.0)
        if seconds >= kept.next_sample_seconds and len(kept.sampled) < POLICY.max_frames:
            kept.sampled.append(SampledFrame(seconds, _rgb(frame)))
            kept.next_sample_seconds += 1 / POLICY.frames_per_second
        if seconds >= kept.next_motion_seconds:
            kept.seconds.append(seconds)
            kept.luma.append(_luma(frame))
            kept.next_motion_seconds = seconds + 1 / POLICY.motion_hz - 1e-3
    return kept


def _coverage(index: MediaIndex, pictures: _Pictures) -> float:
    """Return the coverage as the pipeline counts it: a frame counts until the next one is shown."""
    if index.video is None:
        return 1.0
    interval = 1 / index.video.frame_rate_hz if index.video.frame_rate_hz else 0.0
    shown = [(frame.pts_seconds, frame.pts_seconds + interval) for frame in pictures.sampled]
    grid = tuple(float(second) for second in range(max(1, math.ceil(index.duration_seconds))))
    return coverage_ratio(grid, 1 / POLICY.frames_per_second, shown)


def _rgb(frame: VideoFrame) -> np.ndarray:
    size = frame_size(frame.width, frame.height, shorter=POLICY.frame_shorter_pixels, longer=POLICY.frame_longer_pixels)
    return frame.reformat(width=size.width, height=size.height, format="rgb24").to_ndarray()


def _luma(frame: VideoFrame) -> np.ndarray:
    size = motion_size(frame.width, frame.height, pixels=POLICY.motion_pixels)
    return frame.reformat(width=size.width, height=size.height, format="gray").to_ndarray()


def _track(pictures: _Pictures) -> MotionTrack | None:
    if not pictures.luma:
        return None
    return MotionTrack(np.array(pictures.seconds), np.stack(pictures.luma), (MotionSpan(0, len(pictures.luma)),))


def _sound(path: Path) -> AudioTrack:
    with av.open(str(path)) as container:
        channels = min(2, container.streams.audio[0].codec_context.channels)
        layout = "stereo" if channels == 2 else "mono"
        speech = AudioResampler(format="flt", layout="mono", rate=SPEECH_HZ)
        full_band = AudioResampler(format="flt", layout=layout, rate=FULL_BAND_HZ)
        speech_parts: list[np.ndarray] = []
        full_band_parts: list[np.ndarray] = []
        for frame in container.decode(audio=0):
            speech_parts += [part.to_ndarray().ravel() for part in speech.resample(frame)]
            full_band_parts += [part.to_ndarray().ravel() for part in full_band.resample(frame)]
    samples = np.concatenate(speech_parts) if speech_parts else np.zeros(0, dtype=np.float32)
    wide = np.concatenate(full_band_parts) if full_band_parts else np.zeros(0, dtype=np.float32)
    wanted = len(samples) * (FULL_BAND_HZ // SPEECH_HZ)
    fitted = np.zeros((wanted, channels), dtype=np.float32)
    usable = min(wanted, len(wide) // channels)
    fitted[:usable] = wide[: usable * channels].reshape(-1, channels)
    return AudioTrack(samples, fitted, (AudioSpan(0.0, 0, len(samples)),))


def _index(container: InputContainer, path: Path) -> MediaIndex:
    duration = (container.duration or 0) / 1_000_000
    return MediaIndex(
        container=container.format.name,
        size_bytes=path.stat().st_size,
        duration_seconds=duration,
        claimed_duration_seconds=duration,
        origin_seconds=0.0,
        video=_video_index(container, duration),
        audio=_audio_index(container, duration),
    )


def _video_index(container: InputContainer, duration: float) -> VideoStreamIndex | None:
    if not container.streams.video:
        return None
    stream = container.streams.video[0]
    return VideoStreamIndex(
        codec=stream.codec_context.name,
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        pixel_aspect=1.0,
        frame_rate_hz=float(stream.average_rate or 0),
        start_seconds=0.0,
        duration_seconds=duration,
        num_packets=stream.frames,
        keyframe_seconds=(),
        is_listed=False,
        is_complete=False,
    )


def _audio_index(container: InputContainer, duration: float) -> AudioStreamIndex | None:
    if not container.streams.audio:
        return None
    context = container.streams.audio[0].codec_context
    return AudioStreamIndex(context.name, context.channels, 0.0, duration)
