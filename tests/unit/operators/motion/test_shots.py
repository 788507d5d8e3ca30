"""Cuts in synthetic tracks whose cuts are known."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from operators.media.tracks import MotionSpan, MotionTrack
from operators.motion.content_change import ContentChange, region_histograms
from operators.motion.shots import transitions

HEIGHT, WIDTH = 90, 160
INTERVAL_SECONDS = 1 / 12.5


def scene(seed: int, width: int = WIDTH) -> np.ndarray:
    """A picture of smooth shapes and some texture."""
    noise = np.random.default_rng(seed)
    coarse = cv2.resize(noise.random((4, 7)).astype(np.float32), (width, HEIGHT), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(noise.random((30, 53)).astype(np.float32), (width, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.clip(coarse * 200 + fine * 50, 0, 255).astype(np.uint8)


def shot(seed: int, num_frames: int = 25, noise_levels: float = 2.0) -> list[np.ndarray]:
    """A still camera's frames, with the noise of a sensor."""
    noise = np.random.default_rng(seed + 1000)
    picture = scene(seed).astype(np.float32)
    return [
        np.clip(picture + noise.normal(0, noise_levels, picture.shape), 0, 255).astype(np.uint8)
        for _ in range(num_frames)
    ]


def pan(seed: int, num_frames: int = 25, step_px: int = 4) -> list[np.ndarray]:
    """The camera turns by `step_px` a frame."""
    wide = scene(seed, WIDTH + num_frames * step_px)
    return [wide[:, index * step_px : index * step_px + WIDTH] for index in range(num_frames)]


def track_of(frames: Sequence[np.ndarray], spans: Sequence[MotionSpan] | None = None) -> MotionTrack:
    """A track without gaps unless told."""
    return MotionTrack(
        pts_seconds=np.arange(len(frames)) * INTERVAL_SECONDS,
        luma=np.stack(frames) if frames else np.zeros((0, HEIGHT, WIDTH), np.uint8),
        spans=tuple(spans or (MotionSpan(0, len(frames)),)),
    )


def cut_times(track: MotionTrack) -> list[float]:
    """When shots change."""
    return [transition.at_seconds for transition in transitions(track)]


def cut_frames(frames: Sequence[np.ndarray], spans: Sequence[MotionSpan] | None = None) -> list[int]:
    """Cuts as frame numbers."""
    return [round(seconds / INTERVAL_SECONDS) for seconds in cut_times(track_of(frames, spans))]


class TestCutTimes:
    def test_known_cuts(self) -> None:
        """The first frame of each new shot, none else."""
        assert cut_frames(shot(1, 25) + shot(2, 10) + shot(3, 30)) == [25, 35]

    @pytest.mark.parametrize("step_px", [2, 5, 12])
    def test_pan_is_no_cut(self, step_px: int) -> None:
        """However fast the camera turns."""
        assert cut_frames(pan(4, 30, step_px)) == []

    def test_cut_between_pans(self) -> None:
        """A cut is found amid motion."""
        assert cut_frames(pan(5, 25, 3) + pan(6, 25, 3)) == [25]

    def test_passing_object(self) -> None:
        """Something that fills half of the picture on its way through it is no cut."""
        frames = shot(7, 40)
        for index in range(12, 28):
            left = (index - 12) * 15 - 80
            frames[index][:, max(0, left) : max(0, left + 80)] = 40
        assert cut_frames(frames) == []

    @pytest.mark.parametrize("num_frames", [1, 2])
    def test_flash(self, num_frames: int) -> None:
        """A photographer's flash is no cut: the picture comes back."""
        frames = shot(8, 30)
        for index in range(15, 15 + num_frames):
            frames[index] = np.clip(frames[index].astype(np.int16) // 4 + 190, 0, 255).astype(np.uint8)

        assert cut_frames(frames) == []

    @pytest.mark.parametrize("level", [0, 255])
    def test_blank_frame_in_a_shot(self, level: int) -> None:
        """Nor is a frame of one colour."""
        frames = shot(9, 30)
        frames[15] = np.full_like(frames[15], level)

        assert cut_frames(frames) == []

    def test_fade_through_black(self) -> None:
        """One cut, where the picture returns."""
        out = [(frame * (1 - index / 10)).astype(np.uint8) for index, frame in enumerate(shot(10, 10))]
        back = [(frame * ((index + 1) / 10)).astype(np.uint8) for index, frame in enumerate(shot(11, 10))]
        frames = shot(10, 20) + out + [np.zeros((HEIGHT, WIDTH), np.uint8)] * 6 + back + shot(11, 20)

        (cut,) = cut_frames(frames)
        assert 30 <= cut <= 40

    def test_black_between_hard_cuts(self) -> None:
        """A cut to black and from it is one cut as well."""
        assert cut_frames(shot(12, 20) + [np.zeros((HEIGHT, WIDTH), np.uint8)] * 10 + shot(13, 20)) == [30]

    def test_starts_and_ends_black(self) -> None:
        """Black at either end of a video is no shot."""
        black = [np.zeros((HEIGHT, WIDTH), np.uint8)] * 10
        assert cut_frames(black + shot(14, 20) + black) == []

    def test_gap_hides_a_cut(self) -> None:
        """Frames on both sides of a gap are never compared."""
        assert cut_frames(shot(15, 20) + shot(16, 20), spans=(MotionSpan(0, 20), MotionSpan(20, 40))) == []

    def test_cut_after_a_gap(self) -> None:
        """Behind a gap cuts are found as before it."""
        assert cut_frames(
            shot(17, 20) + shot(18, 20) + shot(19, 20), spans=(MotionSpan(0, 20), MotionSpan(20, 60))
        ) == [40]

    @pytest.mark.parametrize("num_frames", [0, 1, 2])
    def test_hardly_any_frames(self, num_frames: int) -> None:
        """A picture in a video's clothes has no cuts."""
        assert cut_frames(shot(20, num_frames)) == []

    def test_two_frames_of_two_scenes(self) -> None:
        """The least that has a cut."""
        assert cut_frames(shot(21, 1) + shot(22, 1)) == [1]

    @pytest.mark.parametrize("num_after", [1, 2, 7])
    def test_cut_after_a_pause_of_the_clock(self, num_after: int) -> None:
        """Pictures of a span may be seconds apart, as in screen recordings: then none is shortly before a cut."""
        seconds = np.concatenate([np.arange(10), np.arange(num_after) + 60]) * INTERVAL_SECONDS
        luma = np.stack(shot(1, 10) + shot(2, num_after))
        track = MotionTrack(pts_seconds=seconds, luma=luma, spans=(MotionSpan(0, len(luma)),))
        assert cut_times(track) == pytest.approx([60 * INTERVAL_SECONDS])


class TestContentChange:
    @pytest.mark.parametrize(("num_first", "num_second"), [(0, 0), (0, 1), (0, 3), (3, 0)])
    def test_among_none(self, num_first: int, num_second: int) -> None:
        """One row for each first picture and one column for each other one, also if there are none."""
        change = ContentChange(np.stack(shot(1, 3)))
        assert change.among(range(num_first), range(num_second)).shape == (num_first, num_second)

    def test_extremes(self) -> None:
        """0 for a picture and itself, 1 for black and white."""
        black, white = np.zeros((HEIGHT, WIDTH), np.uint8), np.full((HEIGHT, WIDTH), 255, np.uint8)
        change = ContentChange(np.stack([black, black, white]))

        assert [0.0, 1.0] == pytest.approx([change.between(0, 1), change.between(0, 2)])

    @pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 160), (320, 2), (90, 160)])
    def test_histograms_are_shares(self, height: int, width: int) -> None:
        """Whatever the shape, the bins of a picture sum to 1."""
        histograms = region_histograms(np.random.default_rng(1).integers(0, 256, (3, height, width), dtype=np.uint8))

        assert (3, 256) == histograms.shape
        assert histograms.sum(axis=1) == pytest.approx([1.0, 1.0, 1.0])
