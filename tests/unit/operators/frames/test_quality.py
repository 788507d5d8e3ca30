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


def night(seed: int, lit: tuple[slice, slice], noise: float = 4.0) -> np.ndarray:
    """A dark scene with noise in which one place is lit."""
    luma = 8 + np.random.default_rng(seed).normal(0, noise, (256, 456))
    luma[lit] += 140
    return np.clip(luma, 0, 255).astype(np.uint8)


def letterbox_ratio(frames: list[np.ndarray]) -> float:
    return video_quality([frame_quality(frame) for frame in frames]).letterbox_ratio


class TestDarknessIsNoBar:
    @pytest.mark.parametrize("noise", [0.0, 2.0, 6.0, 10.0])
    def test_lamp_in_the_dark(self, noise: float) -> None:
        """What is dark around a lamp, in all frames and on all sides, is no bar; nor does it leave the exposure."""
        frames = [night(seed, np.s_[90:160, 180:260], noise) for seed in range(4)]

        assert letterbox_ratio(frames) == 0.0
        assert frame_quality(frames[0]).underexposed_ratio > 0.5

    def test_skyline(self) -> None:
        """Night above, water below, lit houses between them, some higher than others."""
        frames = []
        for seed in range(3):
            luma = night(seed, np.s_[110:150, :], 2.0)
            luma[70:110, 60:140] = luma[60:110, 300:330] = 120
            frames.append(luma)

        assert letterbox_ratio(frames) == 0.0

    def test_noise_in_the_dark(self) -> None:
        """Noise that reaches over black here and there is no picture between bars."""
        frames = [night(seed, np.s_[0:0, 0:0], 11.0) for seed in range(6)]

        assert letterbox_ratio(frames) == 0.0

    def test_moving_torch(self) -> None:
        """A torch that moves through the dark leaves the same dark margins in all frames."""
        frames = [night(seed, np.s_[100:150, 60 + 40 * seed : 110 + 40 * seed]) for seed in range(6)]

        assert letterbox_ratio(frames) == 0.0

    @pytest.mark.parametrize("is_pillarbox", [False, True])
    def test_bars_around_a_fade(self, is_pillarbox: bool) -> None:
        """True bars are found in a film that fades to black and has a night scene, as in one of bright scenes."""
        bright = letterboxed(48)
        film = [bright, bright // 2, bright // 6, np.zeros_like(bright), night(1, np.s_[100:140, 200:260])]
        film = [np.ascontiguousarray(frame.T) if is_pillarbox else frame for frame in film]

        assert letterbox_ratio(film) == pytest.approx(96 / 256)

    def test_bars_around_a_dim_film(self) -> None:
        """A film of little light between true bars keeps them."""
        dim = letterboxed(40)
        dim[40:216] = dim[40:216] // 5 + 12

        assert letterbox_ratio([dim, dim]) == pytest.approx(80 / 256)

    def test_coloured_bars(self) -> None:
        """Bars that are not black are part of the picture, as before."""
        luma = checkerboard()
        luma[:48] = luma[208:] = 90

        assert letterbox_ratio([luma, luma]) == 0.0


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
