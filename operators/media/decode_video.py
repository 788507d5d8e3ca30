"""One pass over the pictures: sampled frames and the motion track from the same decode. Decoder process only."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

from operators.errors import InvalidMedia
from operators.media.containers import MediaFile
from operators.media.decoders.decoder_registry import decoders_of
from operators.media.decoders.protocol import DecodedFrame, DecoderFailed, VideoDecoder
from operators.media.frame_picker import FramePicker, MotionPicker, ViewPicker
from operators.media.geometry import Size
from operators.media.index import StreamFault
from operators.media.ipc_messages import FrameSlot, FramesReady, MotionReady, TextPicturesReady, TextSlot, TrackShape
from operators.media.layout import MediaMemory
from operators.media.plan import NUM_SPARE_FRAMES, VideoPlan
from operators.media.shares import encryption
from operators.media.text_pictures import TextPicturePicker
from operators.media.tracks import MotionSpan
from operators.media.undecodable import NO_PICTURE

FRAMES_PER_MESSAGE = 4
"""Models work on the first frames while later ones are decoded; fewer per message would wake the parent more often."""

SAME_TIME_SECONDS = 1e-4
"""Times of a packet and of its picture differ only by rounding."""

Send = Callable[[FramesReady | TextPicturesReady | MotionReady], None]
Render = Callable[[DecodedFrame, Size], npt.NDArray[np.uint8]]
Room = Callable[[int, int, int], tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]]
"""Returns times and pictures of the shared memory for that number of pictures of that height and width."""


@dataclass(slots=True)
class VideoTally:
    """Results for the pictures."""

    decoder: str = ""
    frames_decoded: int = 0
    frames_sampled: int = 0
    motion_frames: int = 0
    errors: int = 0
    num_encrypted: int = 0
    num_discarded: int = 0
    packet_seconds: list[float] = field(default_factory=list)
    """Ascending, as in `VideoDecoder`; the same applies to the next field."""
    damaged_seconds: list[float] = field(default_factory=list)
    shown: list[tuple[float, float]] = field(default_factory=list)
    """Per sampled frame: when it appears and when the next packet's picture replaces it, whether that is decoded or
    not."""
    fault: StreamFault | None = None
    """Why the pictures count as not decodable, whatever was decoded."""


def decode_video(media: MediaFile, plan: VideoPlan, memory: MediaMemory, send: Send) -> VideoTally:
    """Decode with the first decoder of the registry that yields frames.

    Raises:
        InvalidMedia: media-unreadable when no decoder yields a frame, or as soon as a picture is too large.
    """
    num_errors = 0
    for name in decoders_of(media):
        full_decode = FullVideoDecode(plan, memory, send)
        full_decode.tally.decoder = name
        try:
            tally = _decode_with(name, media, plan, full_decode)
        except DecoderFailed:
            tally = full_decode.tally
        num_errors += tally.errors
        tally.fault = encryption("video", tally.num_encrypted, len(tally.packet_seconds))
        if tally.fault is not None and not tally.frames_sampled:
            raise InvalidMedia(tally.fault.cause, tally.fault.message)
        if tally.frames_sampled:
            tally.errors = num_errors
            return tally
    raise InvalidMedia("media-unreadable", NO_PICTURE)


def _decode_with(name: str, media: MediaFile, plan: VideoPlan, full_decode: FullVideoDecode) -> VideoTally:
    decoder = decoders_of(media)[name](media, plan)
    try:
        return full_decode.run(decoder)
    finally:
        decoder.close()


class FullVideoDecode:
    """Decodes all spans of a plan with one decoder."""

    def __init__(self, plan: VideoPlan, memory: MediaMemory, send: Send) -> None:
        self.tally = VideoTally()
        self._plan = plan
        self._memory = memory
        self._send = send
        self._picker = FramePicker(plan.wanted_seconds)
        self._tracks = (_motion_writer(plan, memory), _outline_writer(plan, memory))
        self._views = ViewPicker()
        self._texts = TextPicturePicker(plan.max_text_pictures)
        self._unsent: list[FrameSlot] = []

    def run(self, decoder: VideoDecoder) -> VideoTally:
        """Decode everything; what was sampled before a failure has been sent."""
        try:
            for number, span in enumerate(self._plan.spans):
                self._walk(decoder, number)
                if span.kind != "keyframe":
                    for track in self._tracks:
                        track.end_span()
        except DecoderFailed:
            if not self.tally.shown:
                raise
            self.tally.errors += 1
        finally:
            self.tally.frames_decoded = decoder.num_decoded
            self.tally.errors += decoder.num_errors
            self._take_counts(decoder)
        self._finish()
        return self.tally

    def _take_counts(self, decoder: VideoDecoder) -> None:
        self.tally.num_encrypted = decoder.num_encrypted
        self.tally.num_discarded = decoder.num_discarded
        self.tally.packet_seconds = sorted(decoder.packet_seconds)
        self.tally.damaged_seconds = sorted(decoder.damaged_seconds)
        self.tally.shown = [(first, self._replaced(first, last)) for first, last in self.tally.shown]

    def _replaced(self, first: float, last: float) -> float:
        """Return when the picture shown at `first` is replaced; the last of a span counts for the plan's spacing."""
        packets = self.tally.packet_seconds
        after = bisect_right(packets, first + SAME_TIME_SECONDS)
        return min(max(first, last), packets[after]) if after < len(packets) else last

    def _walk(self, decoder: VideoDecoder, number: int) -> None:
        """Decode one span. A frame is sampled when the next one shows how long it was displayed."""
        span = self._plan.spans[number]
        standing: DecodedFrame | None = None
        for frame in decoder.decode(span):
            self._sample(standing, frame.pts_seconds)
            standing = frame
            if span.kind != "keyframe":
                self._add_motion(frame)
        if standing is not None:
            self._sample(standing, max(span.end_seconds, standing.pts_seconds + self._frame_seconds()), is_last=True)

    def _is_beyond(self, frame: DecodedFrame) -> bool:
        """Return whether a picture is after all that was planned, and so far that no sampled one represents it."""
        num_spare = len(self._plan.wanted_seconds) + NUM_SPARE_FRAMES - len(self.tally.shown)
        if not self._picker.is_done or num_spare <= 0:
            return False
        last = max(self._plan.wanted_seconds[-1], self.tally.shown[-1][0] if self.tally.shown else 0.0)
        return frame.pts_seconds > last + self._plan.spacing_seconds

    def _frame_seconds(self) -> float:
        """Return a duration that is long enough to include a time just after a keyframe whose position is known to
        about a frame."""
        return 0.1

    def _sample(self, frame: DecodedFrame | None, until_seconds: float, *, is_last: bool = False) -> None:
        if frame is None or not (self._picker.is_wanted_before(until_seconds) or self._is_beyond(frame)):
            return
        try:
            views = self._views.due(list(enumerate(frame.views(self._plan.frame_size))))
        except (FFmpegError, ValueError):
            self.tally.errors += 1
            return
        last_seconds = min(until_seconds, frame.pts_seconds + self._plan.spacing_seconds) if is_last else until_seconds
        for number, (view, pixels) in enumerate(views):
            first_seconds = frame.pts_seconds + (last_seconds - frame.pts_seconds) * number / len(views)
            self._keep(pixels, first_seconds, last_seconds, is_keyframe=frame.is_keyframe)
            self._offer_text(pixels, first_seconds, partial(self._text_picture, frame, view))

    def _offer_text(
        self, sampled: npt.NDArray[np.uint8], seconds: float, render: Callable[[], npt.NDArray[np.uint8]]
    ) -> None:
        try:
            self._texts.offer(sampled, seconds, render)
        except (FFmpegError, ValueError):
            self.tally.errors += 1

    def _text_picture(self, frame: DecodedFrame, view: int) -> npt.NDArray[np.uint8]:
        """Return a view of the frame in the size in which text is read; of another size, views may be fewer."""
        views = frame.views(self._plan.text_size)
        return views[min(view, len(views) - 1)]

    def _keep(self, pixels: npt.NDArray[np.uint8], first: float, last: float, *, is_keyframe: bool) -> None:
        slot = len(self.tally.shown)
        height, width = pixels.shape[:2]
        self._memory.frame(slot, height, width)[:] = pixels
        self.tally.shown.append((first, last))
        self.tally.frames_sampled += 1
        self._unsent.append(FrameSlot(slot, first, height, width, is_keyframe))
        if len(self._unsent) >= FRAMES_PER_MESSAGE:
            self._flush()

    def _add_motion(self, frame: DecodedFrame) -> None:
        try:
            for track in self._tracks:
                track.add(frame)
        except (FFmpegError, ValueError):
            self.tally.errors += 1

    def _flush(self) -> None:
        self._send(FramesReady(tuple(self._unsent)))
        self._unsent.clear()

    def _finish(self) -> None:
        if self._unsent:
            self._flush()
        if self.tally.shown:
            self._send_text_pictures()
            motion, outlines = (track.shape() for track in self._tracks)
            self.tally.motion_frames = motion.num_frames
            self._send(MotionReady(motion, outlines))

    def _send_text_pictures(self) -> None:
        slots = []
        for slot, kept in enumerate(self._texts.pictures()):
            height, width = kept.pixels.shape[:2]
            self._memory.text_picture(slot, height, width)[:] = kept.pixels
            slots.append(TextSlot(slot, kept.seconds, height, width, tuple(kept.alike_seconds)))
        if slots:
            self._send(TextPicturesReady(tuple(slots)))


class TrackWriter:
    """Writes small luma pictures one after another into the shared memory."""

    def __init__(self, picker: MotionPicker, size: Size, render: Render, room: Room, max_frames: int) -> None:
        self.num_frames = 0
        self._picker = picker
        self._size = size
        self._render = render
        self._room = room
        self._max_frames = max_frames
        self._seconds, self._pictures = np.zeros(0), np.zeros((0, 0, 0), np.uint8)
        self._shape = (size.height, size.width)
        self._spans: list[MotionSpan] = []
        self._first_of_span = 0

    def add(self, frame: DecodedFrame) -> None:
        """Add the frame if the rate permits."""
        if not self._picker.is_wanted(frame.pts_seconds):
            return
        luma = self._render(frame, self._size)
        if self.num_frames == 0:
            self._shape = (luma.shape[0], luma.shape[1])
            self._seconds, self._pictures = self._room(self._max_frames, *self._shape)
        if luma.shape != self._shape:
            raise ValueError(f"the picture turned from {self._shape} to {luma.shape} in the middle of the video")
        self._pictures[self.num_frames], self._seconds[self.num_frames] = luma, frame.pts_seconds
        self.num_frames += 1

    def end_span(self) -> None:
        """End a span: the next frame does not follow the previous one."""
        if self.num_frames > self._first_of_span:
            self._spans.append(MotionSpan(self._first_of_span, self.num_frames))
            self._first_of_span = self.num_frames

    def shape(self) -> TrackShape:
        """Return the size of the track as written."""
        self.end_span()
        return TrackShape(self.num_frames, *self._shape, tuple(self._spans))


def _motion_writer(plan: VideoPlan, memory: MediaMemory) -> TrackWriter:
    picker = MotionPicker(plan.motion_hz, plan.max_motion_frames)
    return TrackWriter(
        picker, plan.motion_size, lambda frame, size: frame.luma(size), memory.motion, plan.max_motion_frames
    )


def _outline_writer(plan: VideoPlan, memory: MediaMemory) -> TrackWriter:
    picker = MotionPicker(plan.outline_hz, plan.max_outlines)
    return TrackWriter(
        picker, plan.outline_size, lambda frame, size: frame.outline(size), memory.outlined, plan.max_outlines
    )
