"""Whether a camera moves as supposed: every part of the picture votes.

The first picture is moved as the camera would move it. Where that explains most of what changed, the camera moved.
Where less changed than the camera would have changed, it stood still. A wall with little texture counts as much as a
face before it, so an object that holds most of the texture decides nothing: over a whole part even a faint texture
shows whether it moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

PART_PX = 10
"""Side of a part, about."""
_SHRINK = 2
"""Pictures are compared at this part of their size and smoothed: noise and interpolation then weigh little."""
_SMOOTH_PX = 3
"""At the smaller size."""
_MIN_LEVELS = 0.25
"""Root mean square of a change that can be seen in a part."""
_MAX_NOISE_LEVELS = 3.0
_NOISE_SHARE = 0.2
"""Share of the parts that change least: their change that the camera does not explain is noise."""
_NOISE_MARGIN = 2.0
_EXPLAINED_RATIO = 0.5
"""Share of the energy of a change that the camera leaves, below which it explains it."""
_STILL_RATIO = 0.5
"""Share of the energy that the camera would have caused, below which a part stands still."""
_MIN_AGREED_RATIO = 0.5
"""Of the parts that vote."""
_MAX_STILL_RATIO = 0.45
"""Of those that agree: titles and frames that lie over a moving picture, and what a codec does not update."""
_MIN_WIDTH_RATIO = 0.65
"""Of the picture's width that those which agree extend over: an object before a plain wall is narrower."""
_OUTSIDE = -1e4
"""Level of what the moved picture does not show."""


@dataclass(frozen=True, slots=True)
class CameraVotes:
    """Votes of the parts, (rows, columns) bool each; others have nothing to see."""

    explained: np.ndarray
    still: np.ndarray
    unclear: np.ndarray

    @property
    def is_moving(self) -> bool:
        """Whether the camera moves as supposed."""
        num_explained, num_still, num_unclear = self._counts
        columns = np.flatnonzero(self.explained.any(axis=0))
        return bool(
            num_explained >= max(1, _MIN_AGREED_RATIO * (num_explained + num_still + num_unclear))
            and num_still <= _MAX_STILL_RATIO * num_explained
            and columns[-1] - columns[0] + 1 >= _MIN_WIDTH_RATIO * self.explained.shape[1]
        )

    @property
    def is_standing(self) -> bool:
        """Whether so much stands still that the camera does, whatever moves before it."""
        num_explained, num_still, num_unclear = self._counts
        return num_still > _MAX_STILL_RATIO * num_explained and num_still >= num_unclear

    @property
    def _counts(self) -> tuple[int, int, int]:
        explained, still, unclear = (np.count_nonzero(each) for each in (self.explained, self.still, self.unclear))
        return int(explained), int(still), int(unclear)


def parts_of(height: int, width: int) -> tuple[int, int]:
    """Return the number of rows and columns of parts of a picture of that size."""
    return max(1, round(height / PART_PX)), max(1, round(width / PART_PX))


class CameraVoter:
    """Lets the parts of two pictures vote on movements."""

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        """Take two (h, w) uint8 pictures in the same exposure."""
        height, width = first.shape
        self._size = (width // _SHRINK, height // _SHRINK)
        self._scale = np.array([[width / self._size[0]], [height / self._size[1]]])
        self._parts = parts_of(height, width)[::-1]
        self._first, self._second = (self._smooth(picture) for picture in (first, second))

    def votes(self, matrix: np.ndarray) -> CameraVotes:
        """Return the votes on a movement.

        Args:
            matrix: (2, 3) float64, from points of the first picture to those of the second.
        """
        moved = cv2.warpAffine(
            self._first,
            self._shrunk(matrix),
            self._size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_OUTSIDE,
        )
        is_shown = (moved >= 0.0).astype(np.float32)
        expected, actual = (moved - self._first) * is_shown, (self._second - self._first) * is_shown
        shown = self._means(is_shown)
        changed, would_change, left = (
            self._means(levels * levels) / np.maximum(shown, 1e-3) for levels in (actual, expected, actual - expected)
        )
        seen = np.maximum(changed, would_change) * (shown >= 0.5)
        is_seen = seen > self._floor(np.minimum(changed, left)[shown >= 0.5])
        explained = is_seen & (left < _EXPLAINED_RATIO * changed)
        still = is_seen & ~explained & (changed < _STILL_RATIO * would_change)
        return CameraVotes(explained, still, is_seen & ~explained & ~still)

    def _smooth(self, picture: np.ndarray) -> np.ndarray:
        small = cv2.resize(picture.astype(np.float32), self._size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.blur(small, (_SMOOTH_PX, _SMOOTH_PX)))

    def _shrunk(self, matrix: np.ndarray) -> np.ndarray:
        """Return the movement of the smaller pictures, whose pixels have their centres elsewhere."""
        turned, shift = matrix[:, :2], matrix[:, 2:]
        centre = (self._scale - 1) / 2
        return np.asarray(np.hstack([turned * self._scale.T, turned @ centre + shift - centre]) / self._scale)

    def _means(self, levels: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.resize(levels, self._parts, interpolation=cv2.INTER_AREA))

    @staticmethod
    def _floor(left: np.ndarray) -> float:
        """Return the energy from which a change is none of noise."""
        noise = float(np.partition(left, place)[place]) if (place := int(_NOISE_SHARE * len(left))) < len(left) else 0.0
        return max(_MIN_LEVELS**2, _NOISE_MARGIN * min(noise, _MAX_NOISE_LEVELS**2))
