"""How a stored picture has to be turned and mirrored to be upright. Decoder process only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight that keep a rectangle a rectangle; steps in the order of the fields."""

    is_transposed: bool = False
    """Columns become rows first: width and height change places."""
    is_mirrored: bool = False
    """Left and right."""
    is_upside_down: bool = False

    def apply(self, pixels: Pixels) -> Pixels:
        """A view of the pixels, rows and columns first."""
        if self.is_transposed:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.is_upside_down else 1, :: -1 if self.is_mirrored else 1]


UPRIGHT = Orientation()


class Orientations:
    """Of the pictures of a stream, in the order in which they are shown.

    A container states a matrix for all pictures. A codec states one with a keyframe and means those behind it, too, up
    to the next keyframe: a phone that was turned.
    """

    def __init__(self) -> None:
        self._last = UPRIGHT

    def next(self, picture: VideoFrame) -> Orientation:
        """Of this picture."""
        stated = _stated(picture)
        if stated is not None or picture.key_frame:
            self._last = stated or UPRIGHT
        return self._last


def _stated(picture: VideoFrame) -> Orientation | None:
    """By the display matrix of the picture; angles between are rounded."""
    matrix = _display_matrix(picture)
    if matrix is None:
        return None
    a, b, c, d = matrix
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def _side_data(picture: VideoFrame) -> Any:
    return picture.side_data  # whose type PyAV's stubs have wrong


def _display_matrix(picture: VideoFrame) -> tuple[int, int, int, int] | None:
    """A point at column x and row y is shown at column a x + c y and row b x + d y."""
    try:
        numbers = np.frombuffer(memoryview(_side_data(picture)[Type.DISPLAYMATRIX]), np.int32)
    except KeyError:
        return None
    return (int(numbers[0]), int(numbers[1]), int(numbers[3]), int(numbers[4])) if len(numbers) == 9 else None
