"""Rectangles whose sides lie between pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from operators.frames.fine_box import FineBox, fine_box
from operators.frames.flat_margins import PictureBox
from tests.unit.operators.frames.made_pictures import moving

SIDES = FineBox(20.3, 110.6, 40.5, 200.25)


def on_ground(sides: FineBox, scale: int = 8) -> np.ndarray:
    """(4, 180, 320): a moving picture on a dark ground, drawn large and scaled down."""
    found = []
    for frame in moving(5):
        large = np.full((180 * scale, 320 * scale), 10, np.uint8)
        rows = slice(round(sides.top_px * scale), round(sides.bottom_px * scale))
        columns = slice(round(sides.left_px * scale), round(sides.right_px * scale))
        large[rows, columns] = cv2.resize(
            np.maximum(frame, 60),
            (columns.stop - columns.start, rows.stop - rows.start),
            interpolation=cv2.INTER_LINEAR,
        )
        found.append(cv2.resize(large, (320, 180), interpolation=cv2.INTER_AREA))
    return np.stack(found)


class TestFineBox:
    @pytest.mark.parametrize("aside", [0, 1, -1])
    def test_sides_between_pixels(self, aside: int) -> None:
        """Within a sixth of a pixel, though the given side is one line in addition."""
        given = PictureBox(20 + aside, 111 + aside, 40 + aside, 200 + aside)
        found = fine_box(on_ground(SIDES), given)

        pairs = zip(found.scaled((1, 1)), SIDES.scaled((1, 1)), strict=True)
        assert max(abs(one - other) for one, other in pairs) < 1 / 6

    def test_frame_edges_stay(self) -> None:
        """The side of the frame is no step."""
        assert fine_box(moving(5), PictureBox(0, 180, 0, 320)) == FineBox(0.0, 180.0, 0.0, 320.0)

    def test_nothing_around_a_side(self) -> None:
        """A flat picture leaves the sides as they are."""
        flat = np.full((2, 60, 80), 9, np.uint8)

        assert fine_box(flat, PictureBox(20, 40, 10, 60)) == FineBox(20.0, 40.0, 10.0, 60.0)


class TestCut:
    def test_whole_pixels(self) -> None:
        """Are the pixels themselves."""
        picture = moving(5)[0]

        assert np.array_equal(FineBox(20.0, 60.0, 30.0, 90.0).of(picture), picture[20:60, 30:90])

    def test_half_pixels(self) -> None:
        """Are means of two."""
        ramp = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (20, 1))

        assert FineBox(0.0, 20.0, 2.5, 6.5).of(ramp)[5].tolist() == [25, 35, 45, 55]

    def test_shares(self) -> None:
        """Of a frame's height and width."""
        assert FineBox(45.0, 90.0, 80.0, 320.0).scaled((180, 320)) == (0.25, 0.5, 0.25, 1.0)
