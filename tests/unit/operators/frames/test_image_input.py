"""What the image models are shown."""

from __future__ import annotations

import numpy as np
import pytest

from operators.frames.image_input import classifier_input, nudity_input


def ramp(height: int, width: int) -> np.ndarray:
    """Red grows with the column, green with the row."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width)[None, :]
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    return pixels


SHAPES = [(256, 455), (455, 256), (256, 256), (144, 512), (512, 30), (1, 1)]


class TestClassifierInput:
    @pytest.mark.parametrize(("height", "width"), SHAPES)
    def test_shape(self, height: int, width: int) -> None:
        """Any frame becomes a contiguous 224x224 uint8 square."""
        square = classifier_input(ramp(height, width))

        assert (224, 224, 3) == square.shape
        assert square.dtype == np.uint8
        assert square.flags.c_contiguous

    def test_is_the_middle_untouched(self) -> None:
        """A frame with a shorter side of 256 is cut, never scaled."""
        pixels = ramp(256, 456)

        assert np.array_equal(pixels[16:240, 116:340], classifier_input(pixels))

    def test_small_frame_keeps_its_aspect(self) -> None:
        """Of a frame of 128x300 the middle 112x112 are enlarged: the columns' ramp shows where they lie."""
        square = classifier_input(ramp(128, 300))

        assert square[:, 0, 0].mean() == pytest.approx(255 * 94 / 299, abs=2)
        assert square[:, -1, 0].mean() == pytest.approx(255 * 205 / 299, abs=2)


class TestNudityInput:
    @pytest.mark.parametrize(("height", "width"), SHAPES)
    def test_shape(self, height: int, width: int) -> None:
        """Any frame becomes a contiguous 224x224 uint8 square."""
        square = nudity_input(ramp(height, width))

        assert (224, 224, 3) == square.shape
        assert square.dtype == np.uint8
        assert square.flags.c_contiguous

    def test_squashes(self) -> None:
        """Of a wide frame all but a sixteenth at each side is seen."""
        square = nudity_input(ramp(256, 512))

        assert square[:, 0, 0].mean() == pytest.approx(255 / 16, abs=2)
        assert square[:, -1, 0].mean() == pytest.approx(255 * 15 / 16, abs=2)
        assert square[0, :, 1].mean() == pytest.approx(255 / 16, abs=2)
