"""FFmpeg through decord: used if PyAV fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import decord
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from operators.media.containers import MediaFile, take_container
from operators.media.decoders.protocol import DecodedFrame, DecoderFailed
from operators.media.geometry import Size
from operators.media.plan import DecodeSpan, VideoPlan
from operators.media.screen_colours import STEADY_PEAK, Colours, colours_of, on_screen, screen_luma
from operators.media.stated_lengths import origin_seconds
from operators.media.streams_of import video_stream


@dataclass(frozen=True, slots=True)
class DecordFrame:
    """A decoded picture, `(H, W, 3)` uint8 RGB; decord has rotated it already."""

    pts_seconds: float
    is_keyframe: bool
    pixels: npt.NDArray[np.uint8]
    is_turned: bool
    """Whether the rotation swapped width and height."""

    colours: Colours
    """Meaning of the pixels' codes."""

    def views(self, size: Size) -> list[npt.NDArray[np.uint8]]:
        """See `DecodedFrame.views`; decord ignores transparency."""
        return [self._on_screen(size, peak=None)]

    def luma(self, size: Size) -> npt.NDArray[np.uint8]:
        """See `DecodedFrame.luma`."""
        return screen_luma(self._on_screen(size, peak=STEADY_PEAK))

    def outline(self, size: Size) -> npt.NDArray[np.uint8]:
        """See `DecodedFrame.outline`."""
        return self.luma(size)

    def _on_screen(self, size: Size, peak: float | None) -> npt.NDArray[np.uint8]:
        width, height = (size.height, size.width) if self.is_turned else (size.width, size.height)
        picture = VideoFrame.from_ndarray(self.pixels, "rgb24")
        scaled = picture.reformat(width, height, interpolation=Interpolation.AREA, threads=1)
        pixels = scaled.to_ndarray().astype(np.uint8, copy=False)
        if self.colours.are_standard:
            return pixels
        return on_screen(pixels.astype(np.uint16) * 257, self.colours, peak=peak)


class DecordDecoder:
    """See `VideoDecoder`. Cannot leave out non-reference frames, so it decodes all of them."""

    def __init__(self, media: MediaFile, plan: VideoPlan) -> None:
        """Open by path, because decord accepts nothing else; PyAV has approved the container before.

        A file that is fetched while it is read must be complete first.
        """
        decord.logging.set_level(decord.logging.QUIET)
        self.num_decoded = 0
        self.num_errors = 0
        self.num_encrypted = 0
        self.num_discarded = 0
        self.packet_seconds: list[float] = []
        self.damaged_seconds: list[float] = []
        self._last_seconds = float("-inf")
        if media.arriving is not None and not media.arriving.ensure_all():
            raise DecoderFailed("the file never came in whole")
        try:
            self._origin_seconds, self._colours = _facts(media)
            self._reader: Any = decord.VideoReader(f"/proc/self/fd/{media.fd}", ctx=decord.cpu(0), num_threads=1)
            stamps = self._reader.get_frame_timestamp(range(len(self._reader)))
            self._keyframes = frozenset(int(number) for number in self._reader.get_key_indices())
        except Exception as error:  # decord raises plain RuntimeError, DECORDError and errors of ctypes
            raise DecoderFailed(f"decord cannot open it: {_first_line(error)}") from error
        self._seconds = np.asarray(stamps, np.float64).reshape(-1, 2)[:, 0] - self._origin_seconds
        self._is_stored_wide = plan.frame_size.width > plan.frame_size.height

    def decode(self, span: DecodeSpan) -> Iterator[DecodedFrame]:
        """See `VideoDecoder.decode`."""
        for number in self._numbers(span):
            seconds = float(self._seconds[number])
            if seconds <= self._last_seconds:
                self.num_discarded += 1
                continue
            self.packet_seconds.append(seconds)
            pixels = self._picture(number)
            if pixels is None:
                self.damaged_seconds.append(seconds)
            if pixels is not None:
                self._last_seconds = seconds
                yield DecordFrame(seconds, number in self._keyframes, pixels, self._is_turned(pixels), self._colours)

    def close(self) -> None:
        """Free the reader."""
        self._reader = None

    def _numbers(self, span: DecodeSpan) -> list[int]:
        """Return the frame numbers of the span in order of time, which is decord's numbering."""
        first = int(np.searchsorted(self._seconds, span.start_seconds - 0.05))
        if span.kind == "keyframe":
            return [first] if first < len(self._seconds) else []
        return list(range(first, int(np.searchsorted(self._seconds, span.end_seconds))))

    def _picture(self, number: int) -> npt.NDArray[np.uint8] | None:
        try:
            pixels: npt.NDArray[np.uint8] = self._reader[number].asnumpy()
        except Exception as error:  # see `__init__`
            self.num_errors += 1
            if self.num_errors > len(self._seconds) // 2:
                raise DecoderFailed(f"decord fails on most frames: {_first_line(error)}") from error
            return None
        self.num_decoded += 1
        return pixels

    def _is_turned(self, pixels: npt.NDArray[np.uint8]) -> bool:
        height, width, _ = pixels.shape
        return bool((width > height) != self._is_stored_wide and width != height)


def _facts(media: MediaFile) -> tuple[float, Colours]:
    """Return the container's clock at the start, and the stated colours of the pictures."""
    with take_container(media) as container:
        stream = video_stream(container)
        context = stream.codec_context if stream else None
        colours = colours_of(context) if context else Colours(0, 0)
        return origin_seconds(container), colours


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
