"""Margins of one colour around the picture are cut, whatever the colour."""

from __future__ import annotations

import numpy as np
import pytest

from operators.frames.flat_margins import PictureBox, without_margins
from tests.unit.operators.frames.made_pictures import moving

VIDEO = moving(3)
WHOLE = PictureBox(0, 180, 0, 320)


def with_margins(lumas: np.ndarray, rows: tuple[int, int], columns: tuple[int, int], level: int) -> np.ndarray:
    return np.pad(lumas, ((0, 0), rows, columns), constant_values=level)


class TestMargins:
    @pytest.mark.parametrize("level", [0, 90, 255])
    @pytest.mark.parametrize(("rows", "columns"), [((24, 24), (0, 0)), ((0, 0), (60, 30)), ((9, 20), (9, 9))])
    def test_any_level_at_any_side(self, level: int, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """The picture is left, to the line."""
        found = without_margins(with_margins(VIDEO, rows, columns, level))

        assert found == PictureBox(rows[0], rows[0] + 180, columns[0], columns[0] + 320)

    def test_noise_of_compression(self) -> None:
        """Margins are not quite flat after encoding."""
        bars = with_margins(VIDEO, (30, 30), (0, 0), 120).astype(np.float64)
        noisy = np.clip(bars + np.random.default_rng(1).normal(0, 2, bars.shape), 0, 255).astype(np.uint8)

        assert without_margins(noisy) == PictureBox(30, 210, 0, 320)

    def test_margins_of_two_copies(self) -> None:
        """White around black: both are cut."""
        inner = with_margins(VIDEO, (20, 20), (0, 0), 0)

        assert without_margins(with_margins(inner, (0, 0), (40, 40), 255)) == PictureBox(20, 200, 40, 360)

    def test_picture_without_margins(self) -> None:
        """All of it is left."""
        assert without_margins(VIDEO) == WHOLE

    def test_margin_of_some_frames(self) -> None:
        """What one frame shows at its edge is no margin."""
        first = VIDEO.copy()
        first[:-1, :40] = 7

        assert without_margins(first) == WHOLE

    def test_colour_that_changes(self) -> None:
        """Rows that are flat, and of another level in each frame, are a scene that fades."""
        fading = with_margins(VIDEO, (30, 30), (0, 0), 0)
        for number, frame in enumerate(fading):
            frame[:30] = frame[-30:] = 40 * number

        assert without_margins(fading) == PictureBox(0, 240, 0, 320)

    def test_plain_picture(self) -> None:
        """Nothing is cut where nothing would be left."""
        assert without_margins(np.full((2, 90, 160), 77, np.uint8)) == PictureBox(0, 90, 0, 160)


def test_part_of_a_frame_of_another_size() -> None:
    """The same shares of a smaller picture."""
    assert PictureBox.of_shares((20 / 180, 160 / 180, 0.0, 1.0), 90, 160) == PictureBox(10, 80, 0, 160)
