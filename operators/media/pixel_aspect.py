"""Displayed width of a stored pixel. Decoder process only."""

from __future__ import annotations

from fractions import Fraction

from av.video.stream import VideoStream

WIDEST = 10.0
"""A pixel aspect of a thousand is a broken header."""
STATED_BY_CONTAINER = ("mov,", "matroska,")
"""If these state a pixel aspect it applies to the whole stream, whatever the codec states."""


def pixel_aspect(stream: VideoStream) -> float:
    """Return the width of a pixel divided by its height, as the container or else the codec states it at the
    beginning."""
    return _bounded(stream.sample_aspect_ratio)


class PixelAspect:
    """Pixel aspect of each picture of a stream: codecs may change it, as broadcasts do between films."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._first = pixel_aspect(stream)
        is_fixed = stream.container.format.name.startswith(STATED_BY_CONTAINER)
        self._follows = not is_fixed and _bounded(stream.codec_context.sample_aspect_ratio) == self._first

    def now(self) -> float:
        """Return that of the codec's last picture."""
        return _bounded(self._stream.codec_context.sample_aspect_ratio) if self._follows else self._first


def _bounded(ratio: Fraction | None) -> float:
    aspect = float(ratio or 1)
    return aspect if 1 / WIDEST <= aspect <= WIDEST else 1.0
