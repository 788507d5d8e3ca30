"""Rotation and mirroring of a stored picture to be upright. Decoder process only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

Pixels = npt.NDArray[np.uint8]


def _unnamed(kind: type[Type], number: object) -> Type:
    """Return a member for side data that FFmpeg knows and PyAV does not.

    Without one, PyAV gives no side data at all of a picture that has such data: EXIF, or the views of spatial video.
    """
    member = object.__new__(kind)
    member._name_ = f"UNNAMED_{number}"
    member._value_ = number  # type: ignore[assignment]
    return member


Type._missing_ = classmethod(_unnamed)  # type: ignore[method-assign, assignment]


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight transformations that keep a rectangle a rectangle; applied in the order of the fields."""

    is_transposed: bool = False
    """Rows and columns are swapped first, so width and height change."""
    is_mirrored: bool = False
    """Left and right are swapped."""
    is_upside_down: bool = False

    def apply(self, pixels: Pixels) -> Pixels:
        """Return a view of the pixels, rows and columns first."""
        if self.is_transposed:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.is_upside_down else 1, :: -1 if self.is_mirrored else 1]


UPRIGHT = Orientation()


class Orientations:
    """Orientations of a stream's pictures, in the order of display.

    A container states one matrix for all pictures. A codec states one with a keyframe, which also applies to the
    following pictures up to the next keyframe: a phone that was rotated.
    """

    def __init__(self) -> None:
        self._last = UPRIGHT

    def next(self, picture: VideoFrame) -> Orientation:
        """Return that of this picture."""
        stated = _stated(picture)
        if stated is not None or picture.key_frame:
            self._last = stated or UPRIGHT
        return self._last


def _stated(picture: VideoFrame) -> Orientation | None:
    """Return the orientation of the picture's display matrix; other angles are rounded."""
    matrix = _display_matrix(picture)
    if matrix is None:
        return None
    a, b, c, d = matrix
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def side_data(picture: VideoFrame) -> Any:
    """Return the side data of a picture by their types."""
    return picture.side_data  # whose type in PyAV's stubs is wrong


def _display_matrix(picture: VideoFrame) -> tuple[int, int, int, int] | None:
    """Return (a, b, c, d): a point at column x and row y is shown at column a x + c y and row b x + d y."""
    found = side_data(picture)
    if not len(found) or Type.DISPLAYMATRIX not in found:  # most pictures have none
        return None
    numbers = np.frombuffer(memoryview(found[Type.DISPLAYMATRIX]), np.int32)
    return (int(numbers[0]), int(numbers[1]), int(numbers[3]), int(numbers[4])) if len(numbers) == 9 else None
