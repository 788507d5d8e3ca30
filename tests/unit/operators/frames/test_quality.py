"""Technical quality of frames."""

from __future__ import annotations

from statistics import median

import cv2
import numpy as np
import pytest

from operators.frames.letterbox import NO_BARS, Bars, common_bars, covered_ratio, find_bars
from operators.frames.quality import frame_quality, video_quality


def checkerboard(height: int = 256, width: int = 456, square_px: int = 8) -> np.ndarray:
    """Squares of 64 and 192."""
    rows, columns = np.indices((height, width)) // square_px
    return np.where((rows + columns) % 2, 192, 64).astype(np.uint8)


def letterboxed(bar_px: int) -> np.ndarray:
    """A checkerboard between black bars above and below."""
    luma = checkerboard()
    luma[:bar_px] = luma[luma.shape[0] - bar_px :] = 2
    return luma


class TestFrameQuality:
    def test_known_exposure(self) -> None:
        """Half 64 and half 192: mean 128, deviation 64, nothing near black or white."""
        quality = frame_quality(checkerboard())

        assert quality.brightness_ratio == pytest.approx(128 / 255, abs=0.01)
        assert quality.contrast_ratio == pytest.approx(64 / 127.5, abs=0.01)
        assert (0.0, 0.0) == (quality.underexposed_ratio, quality.overexposed_ratio)

    @pytest.mark.parametrize(("level", "under", "over"), [(0, 1.0, 0.0), (255, 0.0, 1.0), (128, 0.0, 0.0)])
    def test_flat_frame(self, level: int, under: float, over: float) -> None:
        """A frame of one level is neither sharp nor contrasty, and exposed as its level says."""
        quality = frame_quality(np.full((256, 456), level, dtype=np.uint8))

        assert (under, over) == (quality.underexposed_ratio, quality.overexposed_ratio)
        assert (0.0, 0.0) == (quality.sharpness_ratio, quality.contrast_ratio)
        assert quality.brightness_ratio == pytest.approx(level / 255)

    def test_blur_lowers_sharpness(self) -> None:
        """The more blurred, the lower; crisp edges come near 1."""
        sharp = checkerboard()
        ratios = [
            frame_quality(cv2.GaussianBlur(sharp, (0, 0), sigma) if sigma else sharp).sharpness_ratio
            for sigma in (0, 1, 2, 4)
        ]

        assert sorted(ratios, reverse=True) == ratios
        assert ratios[0] > 0.9
        assert ratios[-1] < 0.2

    def test_bars_do_not_darken(self) -> None:
        """Exposure is that of the picture between the bars."""
        assert frame_quality(letterboxed(48)).underexposed_ratio == 0.0


class TestFindBars:
    def test_letterbox(self) -> None:
        """Bars above and below are found to the pixel."""
        assert Bars(48, 48, 0, 0) == find_bars(letterboxed(48))

    def test_pillarbox(self) -> None:
        """Bars left and right too."""
        assert Bars(0, 0, 48, 48) == find_bars(np.ascontiguousarray(letterboxed(48).T))

    def test_noise_of_compression(self) -> None:
        """Bars need not be perfectly black."""
        luma = letterboxed(40)
        luma[:40] += np.random.default_rng(1).integers(0, 12, (40, 456)).astype(np.uint8)

        assert Bars(40, 40, 0, 0) == find_bars(luma)

    def test_dark_on_one_side_only(self) -> None:
        """A black floor is no bar."""
        luma = checkerboard()
        luma[200:] = 0

        assert find_bars(luma) == NO_BARS

    def test_black_frame(self) -> None:
        """Black all over says nothing of bars."""
        assert find_bars(np.zeros((256, 456), dtype=np.uint8)) is None


class TestVideoQuality:
    def test_letterbox_ratio(self) -> None:
        """Bars of 48 and 48 of 256 rows cover three eighths, whatever a black frame in between says."""
        frames = [letterboxed(48), np.zeros((256, 456), dtype=np.uint8), letterboxed(48)]

        assert video_quality([frame_quality(frame) for frame in frames]).letterbox_ratio == pytest.approx(96 / 256)

    def test_night_scene_is_no_bar(self) -> None:
        """What is dark in some frames only is part of the picture."""
        frames = [letterboxed(48), checkerboard()]

        assert video_quality([frame_quality(frame) for frame in frames]).letterbox_ratio == 0.0

    def test_sharpness_is_the_median(self) -> None:
        """One blurred frame of three does not count."""
        frames = [frame_quality(luma) for luma in (checkerboard(), np.full((256, 456), 9, np.uint8), checkerboard())]

        assert median(frame.sharpness_ratio for frame in frames) == video_quality(frames).sharpness_ratio

    def test_only_black_frames(self) -> None:
        """A black video has no bars."""
        assert covered_ratio(common_bars([None, None]), 256, 456) == 0.0
