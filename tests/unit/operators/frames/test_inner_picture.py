"""A picture within the picture is found by its border, or as the sharp strip between blurred bars."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from operators.frames.fine_box import FineBox
from operators.frames.flat_margins import PictureBox
from operators.frames.inner_picture import inner_pictures
from tests.unit.operators.frames.made_pictures import moving

BEHIND, SHOWN = moving(5, 6), moving(6, 6)


def on_another(box: PictureBox) -> np.ndarray:
    """The small video on another one."""
    video = BEHIND.copy()
    for frame, small in zip(video, SHOWN, strict=True):
        box.of(frame)[:] = cv2.resize(small, (box.width_px, box.height_px), interpolation=cv2.INTER_AREA)
    return video


def inner_picture(lumas: np.ndarray) -> FineBox | None:
    return next(iter(inner_pictures(lumas)), None)


def distance_px(first: FineBox, second: PictureBox) -> float:
    sides = zip(
        (first.top_px, first.bottom_px, first.left_px, first.right_px),
        (second.top_px, second.bottom_px, second.left_px, second.right_px),
        strict=True,
    )
    return max(abs(one - other) for one, other in sides)


class TestPictureInPicture:
    @pytest.mark.parametrize("box", [PictureBox(12, 102, 20, 180), PictureBox(80, 172, 150, 310)])
    def test_small_picture_on_another(self, box: PictureBox) -> None:
        """Within a line of where it is, whatever moves around it."""
        found = inner_picture(on_another(box))

        assert found is not None
        assert distance_px(found, box) <= 2

    def test_lines_that_stand_in_it(self) -> None:
        """Are no border: the rectangle is the whole of it."""
        box = PictureBox(20, 150, 30, 262)
        video = on_another(box)
        video[:, 75:78, 30:262] = 255
        video[:, 20:150, 130:133] = 0
        found = inner_picture(video)

        assert found is not None
        assert distance_px(found, box) <= 2

    def test_too_small(self) -> None:
        """A logo is no picture."""
        assert inner_picture(on_another(PictureBox(10, 34, 10, 50))) is None

    def test_moving_picture_alone(self) -> None:
        """Edges that move are no border."""
        assert inner_picture(BEHIND) is None

    def test_on_a_soft_picture(self) -> None:
        """The rows of the small picture have all the detail, as a strip between blurred bars has; both are tried."""
        box = PictureBox(50, 130, 90, 230)
        video = np.stack([cv2.GaussianBlur(frame, (0, 0), 9) for frame in BEHIND])
        for frame, small in zip(video, SHOWN, strict=True):
            box.of(frame)[:] = cv2.resize(small, (140, 80), interpolation=cv2.INTER_AREA)

        assert min(distance_px(found, box) for found in inner_pictures(video)) <= 2


class TestBlurredBars:
    @pytest.mark.parametrize("is_upright", [True, False])
    def test_strip_between_blurred_bars(self, is_upright: bool) -> None:
        """The bars are the same picture, enlarged and blurred."""
        video = []
        for frame in SHOWN:
            bars = cv2.GaussianBlur(cv2.resize(frame, (320, 560)), (0, 0), 12)
            bars[190:370] = frame
            video.append(bars if is_upright else bars.T)
        found = inner_picture(np.stack(video))

        assert found is not None
        wanted = PictureBox(190, 370, 0, 320) if is_upright else PictureBox(0, 320, 190, 370)
        assert distance_px(found, wanted) <= 3

    def test_blurred_picture(self) -> None:
        """A video out of focus has no strip."""
        blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 5) for frame in BEHIND])

        assert inner_picture(blurred) is None
