"""A narrow crop has the windows that the whole picture has there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from operators.frames.anchored_columns import HEIGHT_PX, MAX_COLUMNS, WIDTH_RATIO, anchored_columns
from operators.frames.perceptual_hash import perceptual_hash
from tests.unit.operators.frames.made_pictures import picture

SAME_BITS = 31
WIDE = cv2.resize(picture(3, 180, 320), (455, 256), interpolation=cv2.INTER_LINEAR)
CROP_PX = 144


def values(luma: np.ndarray) -> list[int]:
    return [int(perceptual_hash(box.of(luma)).hexadecimal, 16) for box in anchored_columns(luma)]


def share_found(luma: np.ndarray, whole: np.ndarray) -> float:
    wanted = values(whole)
    found = [min((one ^ other).bit_count() for other in wanted) <= SAME_BITS for one in values(luma)]
    return float(np.mean(found))


class TestCrops:
    @pytest.mark.parametrize("left_px", [0, 37, 120, 211, 311])
    def test_wherever_it_was_cut(self, left_px: int) -> None:
        """Its windows are among those of the whole picture; those that its sides cut off are not asked for."""
        crop = WIDE[:, left_px : left_px + CROP_PX]

        assert len(anchored_columns(crop)) >= 1
        assert share_found(crop, WIDE) >= 0.5

    @pytest.mark.parametrize("height_px", [180, 384])
    def test_of_another_size(self, height_px: int) -> None:
        """The same windows, in its own pixels."""
        crop = cv2.resize(WIDE[:, 120 : 120 + CROP_PX], (round(CROP_PX * height_px / 256), height_px))

        assert share_found(crop, WIDE) >= 0.5

    def test_of_another_picture(self) -> None:
        """None is the same."""
        other = cv2.resize(picture(4, 180, 320), (455, 256), interpolation=cv2.INTER_LINEAR)

        assert share_found(other, WIDE) == 0.0


class TestWindows:
    def test_inside_and_of_one_size(self) -> None:
        """As high as the picture, and none beyond its sides."""
        found = anchored_columns(WIDE)

        assert 1 <= len(found) <= MAX_COLUMNS
        assert all(box.left_px >= 0 and box.right_px <= WIDE.shape[1] for box in found)
        assert {(box.top_px, box.bottom_px, box.width_px) for box in found} == {
            (0.0, 256.0, round(WIDTH_RATIO * HEIGHT_PX))
        }

    def test_limit(self) -> None:
        """However wide the picture is."""
        assert len(anchored_columns(np.hstack([picture(seed, 90, 160) for seed in range(12)]))) == MAX_COLUMNS

    @pytest.mark.parametrize("shape", [(256, 455), (200, 40), (40, 2)])
    def test_nothing_to_stand_on(self, shape: tuple[int, int]) -> None:
        """A plain picture has no place that differs from others, and a very narrow one no room."""
        assert anchored_columns(np.full(shape, 80, np.uint8)) == []
