"""What the image models are shown."""

from __future__ import annotations

import numpy as np
import pytest

from models.card_registry import CARDS
from models.model_input import FrameInput, Interpolation
from operators.frames.image_input import frame_input

MIDDLE = CARDS["efficientnet-lite0"].prepared
SQUASHED = CARDS["opennsfw"].prepared
assert MIDDLE is not None and SQUASHED is not None


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
        square = frame_input(ramp(height, width), MIDDLE)

        assert (224, 224, 3) == square.shape
        assert square.dtype == np.uint8
        assert square.flags.c_contiguous

    def test_is_the_middle_untouched(self) -> None:
        """A frame with a shorter side of 256 is cut, never scaled."""
        pixels = ramp(256, 456)

        assert np.array_equal(pixels[16:240, 116:340], frame_input(pixels, MIDDLE))

    def test_small_frame_keeps_its_aspect(self) -> None:
        """Of a frame of 128x300 the middle 112x112 are enlarged: the columns' ramp shows where they lie."""
        square = frame_input(ramp(128, 300), MIDDLE)

        assert square[:, 0, 0].mean() == pytest.approx(255 * 94 / 299, abs=2)
        assert square[:, -1, 0].mean() == pytest.approx(255 * 205 / 299, abs=2)


class TestNudityInput:
    @pytest.mark.parametrize(("height", "width"), SHAPES)
    def test_shape(self, height: int, width: int) -> None:
        """Any frame becomes a contiguous 224x224 uint8 square."""
        square = frame_input(ramp(height, width), SQUASHED)

        assert (224, 224, 3) == square.shape
        assert square.dtype == np.uint8
        assert square.flags.c_contiguous

    def test_squashes(self) -> None:
        """Of a wide frame all but a sixteenth at each side is seen."""
        square = frame_input(ramp(256, 512), SQUASHED)

        assert square[:, 0, 0].mean() == pytest.approx(255 / 16, abs=2)
        assert square[:, -1, 0].mean() == pytest.approx(255 * 15 / 16, abs=2)
        assert square[0, :, 1].mean() == pytest.approx(255 / 16, abs=2)


class TestPaddedInput:
    @pytest.mark.parametrize(("height", "width"), SHAPES)
    @pytest.mark.parametrize("interpolation", ["area", "bilinear", "bicubic"])
    def test_shape(self, height: int, width: int, interpolation: Interpolation) -> None:
        """Any frame becomes a contiguous square of the side that the card names."""
        square = frame_input(ramp(height, width), FrameInput(96, "pad", 96, interpolation))

        assert (96, 96, 3) == square.shape
        assert square.dtype == np.uint8
        assert square.flags.c_contiguous

    def test_holds_the_whole_frame(self) -> None:
        """Of a frame twice as wide as high both ends are seen, with black above and below."""
        square = frame_input(np.maximum(ramp(256, 512), 1), FrameInput(96, "pad", 96))

        assert square[:24].max() == square[72:].max() == 0
        assert square[24:72].min(axis=2).min() > 0
        assert square[48, 0, 0] < 10
        assert square[48, -1, 0] > 245

    def test_other_shades(self) -> None:
        """Detectors want grey."""
        square = frame_input(ramp(256, 512), FrameInput(96, "pad", 96, pad_level=114))
        assert set(square[:24].ravel().tolist()) == set(square[72:].ravel().tolist()) == {114}


class TestScale:
    def test_a_larger_square_than_the_frame(self) -> None:
        """The same middle, enlarged."""
        square = frame_input(ramp(128, 300), FrameInput(256, "shorter-side", 256))

        assert square[:, 0, 0].mean() == pytest.approx(255 * 86 / 299, abs=2)
