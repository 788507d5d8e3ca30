"""Animated WebP through Pillow, whose libwebp composes the pictures as browsers do. Decoder process only."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from av.video.frame import VideoFrame
from PIL.WebPImagePlugin import WebPImageFile

from operators.media.animated_webp import webp_animation
from operators.media.containers import MediaFile
from operators.media.decoders.orientation import UPRIGHT, Orientation
from operators.media.decoders.protocol import DecodedFrame, DecoderFailed
from operators.media.decoders.pyav_frame import PyavFrame
from operators.media.decoders.rendering import PictureOrientation, Renderer
from operators.media.plan import DecodeSpan

MAX_FILE_BYTES: Final = 256 * 2**20
"""libwebp wants the whole file in memory, and Pillow copies it."""
START_SLACK_SECONDS = 1e-3
_EXIF_ORIENTATION = 0x0112
_EXIF_ORIENTATIONS: Final = {
    2: Orientation(is_mirrored=True),
    3: Orientation(is_mirrored=True, is_upside_down=True),
    4: Orientation(is_upside_down=True),
    5: Orientation(is_transposed=True),
    6: Orientation(is_transposed=True, is_mirrored=True),
    7: Orientation(is_transposed=True, is_mirrored=True, is_upside_down=True),
    8: Orientation(is_transposed=True, is_upside_down=True),
}
_FAULTS = (OSError, EOFError, ValueError, SyntaxError)
"""What Pillow raises for a broken file."""


class WebpDecoder:
    """See `VideoDecoder`. Each picture is drawn over the previous ones, so all are decoded, from the first one on."""

    def __init__(self, media: MediaFile) -> None:
        """Read the file, and decode nothing yet."""
        self.num_decoded = 0
        self.num_errors = 0
        self.num_encrypted = 0
        self.num_discarded = 0
        self.packet_seconds: list[float] = []
        self.damaged_seconds: list[float] = []
        self._next = 0
        if media.size_bytes > MAX_FILE_BYTES:
            raise DecoderFailed(f"an animated WebP of {media.size_bytes} bytes; at most {MAX_FILE_BYTES}")
        animation = webp_animation(media)
        self._shown_seconds = animation.start_seconds
        self._renderer = Renderer(animation.width / animation.height)
        try:
            self._image = WebPImageFile(io.BytesIO(media.peek(0, media.size_bytes)))
            orientation = _EXIF_ORIENTATIONS.get(self._image.getexif().get(_EXIF_ORIENTATION, 1), UPRIGHT)
        except _FAULTS as error:
            raise DecoderFailed(f"libwebp cannot open it: {error}") from error
        if self._image.n_frames > len(self._shown_seconds):
            raise DecoderFailed(f"{self._image.n_frames} pictures, of which {len(self._shown_seconds)} are listed")
        self._look = PictureOrientation(1.0, orientation)

    def decode(self, span: DecodeSpan) -> Iterator[DecodedFrame]:
        """See `VideoDecoder.decode`."""
        while self._next < len(self._shown_seconds):
            seconds = self._shown_seconds[self._next]
            if span.kind != "keyframe" and seconds >= span.end_seconds:
                return
            is_wanted = seconds >= span.start_seconds - START_SLACK_SECONDS
            frame = self._decoded(seconds, is_wanted=is_wanted)
            if frame is None or not is_wanted:
                continue
            yield frame
            if span.kind == "keyframe":
                return

    def close(self) -> None:
        """Release the file."""
        self._image.close()

    def _decoded(self, seconds: float, *, is_wanted: bool) -> PyavFrame | None:
        """Draw the next picture; None if it cannot be, like all that follow, which are drawn over it."""
        number, self._next = self._next, self._next + 1
        if is_wanted:
            self.packet_seconds.append(seconds)
        try:
            if self.num_errors:
                raise EOFError
            self._image.seek(number)
            pixels = np.asarray(self._image.convert("RGBA"))
        except _FAULTS:
            self.num_errors += 1
            if is_wanted:
                self.damaged_seconds.append(seconds)
            return None
        self.num_decoded += 1
        return PyavFrame(seconds, number == 0, VideoFrame.from_ndarray(pixels, "rgba"), self._look, self._renderer)
