"""From a codec's picture to pixels for operators: scaled, upright, in the colours of a standard display.

Decoder process only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorPrimaries, Colorspace, Interpolation, VideoReformatter

from operators.media.decoders.fields import first_field
from operators.media.decoders.orientation import Orientation
from operators.media.geometry import Size, inside, same_area
from operators.media.screen_colours import STEADY_PEAK, colours_of, on_screen, screen_luma

Pixels = npt.NDArray[np.uint8]

UNSPECIFIED = int(ColorPrimaries.UNSPECIFIED)
"""The same number means an unspecified matrix."""
MAX_SD_LINES = 576
"""A picture with more lines and without a stated matrix is of BT.709, as players assume; otherwise of BT.601."""
WHITE, BLACK = 255, 0
CODE_BITS = 8
SAMPLES_A_SIDE = 4
"""Square root of the number of pixels that are averaged for a pixel of an outline; more would cost time and change
little."""
SAMPLES_BITS = 4
"""The number of those pixels is two to the power of this."""


@dataclass(frozen=True, slots=True)
class PictureOrientation:
    """Stretching and orientation of a stored picture; both may change in the middle of a stream."""

    pixel_aspect: float
    """Width of a pixel divided by its height."""
    orientation: Orientation


@dataclass(slots=True)
class Renderer:
    """Rendering state of one decoder. Scaling contexts are expensive to create: one per output, shared by all
    pictures."""

    stored_shape: float
    """Width divided by height, as displayed and before rotation, of the pictures for which the plan was made."""
    is_first_transposed: bool | None = None
    """Of the first picture of the motion track, whose shape applies to the whole track."""
    _scalers: dict[str, VideoReformatter] = field(default_factory=dict)

    def views(self, picture: VideoFrame, size: Size, look: PictureOrientation) -> list[Pixels]:
        """Return `(H, W, 3)` RGB, upright: one, or for a transparent picture one for each way in which players show it.

        Args:
            picture: of the codec.
            size: of the first picture before rotation; a picture of another shape gets as many pixels.
            look: of this picture.
        """
        size = same_area(size, _shape(picture, look) / self.stored_shape)
        if picture.interlaced_frame:
            picture = first_field(picture)
        return [look.orientation.apply(view) for view in self._views(picture, size)]

    def luma(self, picture: VideoFrame, size: Size, look: PictureOrientation) -> Pixels:
        """Return `(h, w)`, upright; a picture of another shape than the first is centred on black."""
        orientation = look.orientation
        if self.is_first_transposed is None:
            self.is_first_transposed = orientation.is_transposed
        shape, frame = self.stored_shape, size
        if orientation.is_transposed != self.is_first_transposed:
            shape, frame = 1 / shape, Size(size.height, size.width)
        inner = inside(frame, _shape(picture, look) / shape)
        pixels = self._luma(picture, inner)
        return orientation.apply(pixels if inner == frame else _framed(pixels, frame))

    def outline(self, picture: VideoFrame, size: Size) -> Pixels:
        """Return `(h, w)`, not turned: from every few rows of the luma plane, if there is one."""
        pixel_format = picture.format.name
        if not has_luma_plane(pixel_format):
            return self._luma(picture, size)
        return shrunk_luma(picture.planes[0], size, luma_bits(pixel_format))

    def _views(self, picture: VideoFrame, size: Size) -> list[Pixels]:
        if _has_alpha(picture.format.name):
            return _composed(self._scaled(picture, size, "rgba", np.uint8, 4))
        colours = colours_of(picture)
        if colours.are_standard:
            return [self._scaled(picture, size, "rgb24", np.uint8, 3)]
        return [on_screen(self._scaled(picture, size, "rgb48le", np.uint16, 3), colours)]

    def _luma(self, picture: VideoFrame, size: Size) -> Pixels:
        if _has_alpha(picture.format.name):
            return screen_luma(_on(WHITE, self._scaled(picture, size, "rgba", np.uint8, 4)))
        colours = colours_of(picture)
        if colours.are_standard:
            return self._scaled(picture, size, "gray", np.uint8, 1)[:, :, 0]
        codes = self._scaled(picture, size, "rgb48le", np.uint16, 3)
        return screen_luma(on_screen(codes, colours, peak=STEADY_PEAK))

    def _scaled(
        self, picture: VideoFrame, size: Size, pixel_format: str, kind: type[np.generic], channels: int
    ) -> npt.NDArray[Any]:
        """Return `(H, W, channels)`; area averaging, which avoids aliasing when shrinking."""
        scaler = self._scalers.setdefault(pixel_format, VideoReformatter())
        scaled = scaler.reformat(
            picture,
            size.width,
            size.height,
            pixel_format,
            src_colorspace=None if pixel_format == "gray" else _matrix(picture),  # luma has no matrix
            interpolation=Interpolation.AREA,
            threads=1,
        )
        plane = scaled.planes[0]
        rows = np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)
        return rows[:, : size.width * channels].reshape(size.height, size.width, channels)


def _shape(picture: VideoFrame, look: PictureOrientation) -> float:
    return picture.width * look.pixel_aspect / picture.height


def _matrix(picture: VideoFrame) -> Colorspace | None:
    """Return None to use the picture's own matrix."""
    is_high = picture.height > MAX_SD_LINES and picture.colorspace == UNSPECIFIED
    return Colorspace.ITU709 if is_high else None


@cache
def has_luma_plane(pixel_format: str) -> bool:
    """Return whether the first plane holds the luma, all of it and nothing else."""
    layout = VideoFormat(pixel_format)
    components = layout.components
    is_planar = layout.is_planar and not layout.is_rgb and not layout.is_bit_stream and not _has_alpha(pixel_format)
    if not is_planar or not components[0].is_luma:
        return False
    # With two colours in a plane, codes of more than eight bits are stored in the upper bits.
    is_plain = len({component.plane for component in components}) == len(components) and not layout.is_big_endian
    return components[0].bits == CODE_BITS or (components[0].bits > CODE_BITS and is_plain)


@cache
def luma_bits(pixel_format: str) -> int:
    """Return the bits of a code of the luma."""
    return VideoFormat(pixel_format).components[0].bits


def shrunk_luma(plane: VideoPlane, size: Size, bits: int) -> Pixels:
    """Return `(h, w)` of the most significant bits of a plane of luma whose codes have so many bits."""
    kind, total = (np.uint8, np.uint16) if bits == CODE_BITS else (np.uint16, np.uint32)
    codes = np.frombuffer(memoryview(plane), kind)
    stride = plane.line_size // codes.itemsize
    lines = codes[: len(codes) // stride * stride].reshape(-1, stride)
    rows, columns = _sample_places(plane.height, size.height), _sample_places(plane.width, size.width)
    # Rows are added first: that is quick, and leaves a quarter of the pixels to be gathered.
    strips = lines.take(rows, axis=0, mode="clip").sum(axis=1, dtype=total)
    sums = strips.take(columns.T, axis=1).sum(axis=1, dtype=total)
    return np.asarray(sums >> (SAMPLES_BITS + bits - CODE_BITS), np.uint8)


@lru_cache(maxsize=16)
def _sample_places(length: int, small: int) -> npt.NDArray[np.intp]:
    """Return (small, 4): the places along a side of a plane of the pixels that are averaged for each of an outline."""
    count = SAMPLES_A_SIDE * small
    places = ((np.arange(count) + 0.5) * length / count).astype(np.intp)
    return places.reshape(small, SAMPLES_A_SIDE)


@cache
def _has_alpha(pixel_format: str) -> bool:
    return pixel_format == "pal8" or any(component.is_alpha for component in VideoFormat(pixel_format).components)


def _composed(pixels: Pixels) -> list[Pixels]:
    """Return the picture as stored, on white and on black, without equal ones.

    Players without support for transparency show the stored colours, browsers show it on their page, others on black.
    Content that is visible in one of these ways must not be hidden by another.
    """
    stored = np.ascontiguousarray(pixels[:, :, :3])
    if pixels[:, :, 3].min() == 255:
        return [stored]
    views: list[Pixels] = []
    for view in (_on(WHITE, pixels), _on(BLACK, pixels), stored):
        if all(_differ(view, other) for other in views):
            views.append(view)
    return views


def _on(background: int, pixels: Pixels) -> Pixels:
    alpha = pixels[:, :, 3:].astype(np.uint16)
    return ((pixels[:, :, :3] * alpha + background * (255 - alpha) + 127) // 255).astype(np.uint8)


SAME_VIEW_MEAN = 1.0
"""Of 255, averaged over a picture: views that differ by less count as equal."""


def _differ(view: Pixels, other: Pixels) -> bool:
    return float(np.abs(view.astype(np.int16) - other).mean()) >= SAME_VIEW_MEAN


def _framed(pixels: Pixels, frame: Size) -> Pixels:
    height, width = pixels.shape
    top, left = (frame.height - height) // 2, (frame.width - width) // 2
    framed = np.zeros((frame.height, frame.width), np.uint8)
    framed[top : top + height, left : left + width] = pixels
    return framed
