"""One pass over the pictures: sampled frames and the motion track out of the same decode. Decoder process
only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from av.error import FFmpegError

from operators.errors import InvalidMedia
from operators.media.containers import MediaFile
from operators.media.decoders.catalogue import DECODERS
from operators.media.decoders.protocol import DecodedFrame, DecoderFailed, VideoDecoder
from operators.media.frame_picker import FramePicker, MotionPicker
from operators.media.layout import MediaMemory
from operators.media.messages import FrameSlot, FramesReady, MotionReady
from operators.media.plan import VideoPlan
from operators.media.tracks import Span

FRAMES_PER_MESSAGE = 4
"""Models work on the first frames while later ones are decoded; fewer would wake the parent more often."""

Send = Callable[[FramesReady | MotionReady], None]


@dataclass(slots=True)
class VideoTally:
    """What came of the pictures."""

    decoder: str = ""
    frames_decoded: int = 0
    frames_sampled: int = 0
    motion_frames: int = 0
    errors: int = 0
    shown: list[tuple[float, float]] = field(default_factory=list)
    """Of each sampled frame: when it appears and when the next decoded frame replaces it."""


def decode_video(media: MediaFile, plan: VideoPlan, memory: MediaMemory, send: Send) -> VideoTally:
    """Decode with the first decoder of the catalogue that yields frames.

    Raises:
        InvalidMedia: media-unreadable when no decoder yields a frame, or as soon as a picture is too large.
    """
    problems: list[str] = []
    num_errors = 0
    for name in DECODERS:
        sweep = VideoSweep(plan, memory, send)
        sweep.tally.decoder = name
        try:
            tally = _decode_with(name, media, plan, sweep)
        except DecoderFailed as failure:
            tally = sweep.tally
            problems.append(f"{name}: {failure}")
        num_errors += tally.errors
        if tally.frames_sampled:
            tally.errors = num_errors
            return tally
        problems.append(f"{name}: no frame, {tally.errors} errors")
    raise InvalidMedia("media-unreadable", "; ".join(problems))


def _decode_with(name: str, media: MediaFile, plan: VideoPlan, sweep: VideoSweep) -> VideoTally:
    decoder = DECODERS[name](media, plan)
    try:
        return sweep.run(decoder)
    finally:
        decoder.close()


class VideoSweep:
    """The walk of one decoder over all spans of a plan."""

    def __init__(self, plan: VideoPlan, memory: MediaMemory, send: Send) -> None:
        self.tally = VideoTally()
        self._plan = plan
        self._memory = memory
        self._send = send
        self._picker = FramePicker(plan.wanted_seconds)
        self._motion = MotionTrackWriter(plan, memory)
        self._unsent: list[FrameSlot] = []

    def run(self, decoder: VideoDecoder) -> VideoTally:
        """Decode everything; what was sampled before a failure has been sent."""
        try:
            for number, span in enumerate(self._plan.spans):
                self._walk(decoder, number)
                if span.kind != "glance":
                    self._motion.end_span()
        except DecoderFailed:
            if not self.tally.shown:
                raise
            self.tally.errors += 1
        finally:
            self.tally.frames_decoded = decoder.num_decoded
            self.tally.errors += decoder.num_errors
        self._finish()
        return self.tally

    def _walk(self, decoder: VideoDecoder, number: int) -> None:
        """One span. A frame is sampled when the next one shows how long it stood."""
        span = self._plan.spans[number]
        standing: DecodedFrame | None = None
        for frame in decoder.decode(span):
            self._sample(standing, frame.pts_seconds)
            standing = frame
            if span.kind != "glance":
                self._add_motion(frame)
        if standing is not None:
            self._sample(standing, max(span.end_seconds, standing.pts_seconds + self._frame_seconds()), is_last=True)

    def _frame_seconds(self) -> float:
        """Long enough to claim a time that lies just behind a keyframe whose place is known to about a
        frame."""
        return 0.1

    def _sample(self, frame: DecodedFrame | None, until_seconds: float, *, is_last: bool = False) -> None:
        if frame is None or not self._picker.is_wanted_before(until_seconds):
            return
        slot = len(self.tally.shown)
        try:
            pixels = frame.rgb(self._plan.frame_size)
        except (FFmpegError, ValueError):
            self.tally.errors += 1
            return
        height, width = pixels.shape[:2]
        self._memory.frame(slot, height, width)[:] = pixels
        self.tally.shown.append((frame.pts_seconds, frame.pts_seconds if is_last else until_seconds))
        self.tally.frames_sampled += 1
        self._unsent.append(FrameSlot(slot, frame.pts_seconds, height, width, frame.is_keyframe))
        if len(self._unsent) >= FRAMES_PER_MESSAGE:
            self._flush()

    def _add_motion(self, frame: DecodedFrame) -> None:
        try:
            self._motion.add(frame)
        except (FFmpegError, ValueError):
            self.tally.errors += 1

    def _flush(self) -> None:
        self._send(FramesReady(tuple(self._unsent)))
        self._unsent.clear()

    def _finish(self) -> None:
        if self._unsent:
            self._flush()
        if self.tally.shown:
            self.tally.motion_frames = self._motion.num_frames
            self._send(self._motion.message())


class MotionTrackWriter:
    """Writes small luma pictures side by side into the shared memory."""

    def __init__(self, plan: VideoPlan, memory: MediaMemory) -> None:
        self.num_frames = 0
        self._plan = plan
        self._memory = memory
        self._picker = MotionPicker(plan.motion_hz, plan.max_motion_frames)
        self._shape = (plan.motion_size.height, plan.motion_size.width)
        self._spans: list[Span] = []
        self._first_of_span = 0

    def add(self, frame: DecodedFrame) -> None:
        """Take the frame if the rate allows."""
        if not self._picker.is_wanted(frame.pts_seconds):
            return
        luma = frame.luma(self._plan.motion_size)
        if self.num_frames == 0:
            self._shape = (luma.shape[0], luma.shape[1])
        if luma.shape != self._shape:
            raise ValueError(f"the picture turned from {self._shape} to {luma.shape} in the middle of the video")
        count = self.num_frames + 1
        self._memory.motion_luma(count, *self._shape)[-1] = luma
        self._memory.motion_seconds(count)[-1] = frame.pts_seconds
        self.num_frames = count

    def end_span(self) -> None:
        """What comes next does not follow on what came before."""
        if self.num_frames > self._first_of_span:
            self._spans.append(Span(self._first_of_span, self.num_frames))
            self._first_of_span = self.num_frames

    def message(self) -> MotionReady:
        """The track as written."""
        self.end_span()
        return MotionReady(self.num_frames, *self._shape, tuple(self._spans))
