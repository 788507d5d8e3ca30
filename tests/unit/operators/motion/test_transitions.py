"""Kinds of changes of shot in synthetic outlines, and disturbances that are none."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from operators.media.tracks import MotionSpan, MotionTrack, OutlineTrack
from operators.motion.shot_counts import ObservedSpan, shot_count
from operators.motion.shots import span_changes, transitions
from operators.motion.transitions import ShotChange

HEIGHT, WIDTH = 36, 64
RATE_HZ = 25.0


def scene(seed: int, width: int = WIDTH) -> np.ndarray:
    """(36, width) float32: shapes and texture."""
    draw = np.random.default_rng(seed)
    layers = [
        cv2.resize(draw.random((side, side * 2)).astype(np.float32), (width, HEIGHT), interpolation=cv2.INTER_CUBIC)
        for side in (3, 7, 18)
    ]
    levels = layers[0] + 0.6 * layers[1] + 0.5 * layers[2]
    return np.asarray(np.clip((levels - levels.mean()) / levels.std() * 45 + 120, 0, 255), np.float32)


def shot(seed: int, num_frames: int = 50) -> np.ndarray:
    """(N, 36, 64): a camera that stands, with a sensor's noise."""
    noise = np.random.default_rng(seed + 1000).normal(0, 1.5, (num_frames, HEIGHT, WIDTH))
    return np.asarray(scene(seed) + noise, np.float32)


def changes(*parts: np.ndarray, rate_hz: float = RATE_HZ) -> list[ShotChange]:
    luma = np.clip(np.concatenate(parts), 0, 255).astype(np.uint8)
    return span_changes(np.arange(len(luma)) / rate_hz, luma)


def blended(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    share = np.linspace(0, 1, len(old) + 2)[1:-1, None, None]
    return np.asarray(old * (1 - share) + new * share)


def wiped(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    place = np.arange(WIDTH) / WIDTH
    share = np.linspace(0, 1, len(old) + 2)[1:-1, None, None]
    return np.where(place[None, None, :] < share, new, old)


def faded(old: np.ndarray, level: float) -> np.ndarray:
    share = np.linspace(1, 0, len(old))[:, None, None]
    return np.asarray(old * share + level * (1 - share))


def the_only(found: list[ShotChange]) -> ShotChange:
    (change,) = found
    return change


class TestKinds:
    def test_jump_cut(self) -> None:
        """The same scene at another moment changes little, and far more than pictures around it."""
        later = shot(1)
        later[:, 8:26, 20:32] = shot(2)[:, 8:26, 20:32]

        assert changes(shot(1), later) == [ShotChange("cut", 50, 50, 50)]

    def test_cut_between_dark_shots(self) -> None:
        """What is dark changes less, and as clearly."""
        assert changes(shot(3) * 0.22, shot(4) * 0.22) == [ShotChange("cut", 50, 50, 50)]

    @pytest.mark.parametrize("level", [0.0, 255.0])
    @pytest.mark.parametrize("num_frames", [6, 18])
    def test_a_fade_counts_once(self, level: float, num_frames: int) -> None:
        """However short: every picture of it changes more than usual pictures do."""
        parts = (faded(shot(5, num_frames), level), faded(shot(6, num_frames), level)[::-1])
        change = the_only(changes(shot(5), *parts, shot(6)))

        assert change.kind == "fade"
        assert [change.begin, change.end] == pytest.approx([50, 50 + 2 * num_frames], abs=2)

    def test_a_fade_that_never_is_of_one_colour(self) -> None:
        """At 24 pictures a second the darkest picture of a short fade may still show something."""
        out = shot(7, 4) * np.array([0.8, 0.55, 0.3, 0.12])[:, None, None]
        back = shot(8, 4) * np.array([0.12, 0.3, 0.55, 0.8])[:, None, None]

        assert the_only(changes(shot(7), out, back, shot(8))).kind == "fade"

    @pytest.mark.parametrize("num_frames", [12, 25, 36])
    def test_dissolve(self, num_frames: int) -> None:
        """Begin and end are found to a few pictures."""
        change = the_only(changes(shot(9), blended(shot(9, num_frames), shot(10, num_frames)), shot(10)))

        assert change.kind == "dissolve"
        assert [change.begin, change.end] == pytest.approx([50, 50 + num_frames], abs=4)

    @pytest.mark.parametrize("num_frames", [10, 24])
    @pytest.mark.parametrize("turned", [lambda luma: luma, lambda luma: luma[:, :, ::-1]], ids=["right", "left"])
    def test_wipe(self, num_frames: int, turned: Callable[[np.ndarray], np.ndarray]) -> None:
        """A boundary that moves across the picture."""
        parts = (shot(11), wiped(shot(11, num_frames), shot(12, num_frames)), shot(12))
        change = the_only(changes(*(turned(part) for part in parts)))

        assert change.kind == "wipe"
        assert [change.begin, change.end] == pytest.approx([50, 50 + num_frames], abs=5)

    def test_times_at_the_full_rate(self) -> None:
        """A cut between two pictures of the motion track is located to the picture."""
        luma = np.clip(np.concatenate([shot(13, 31), shot(14, 40)]), 0, 255).astype(np.uint8)
        outlines = OutlineTrack(np.arange(71) / 60.0, luma, (MotionSpan(0, 71),))
        track = MotionTrack(np.arange(15) / 12.0, np.zeros((15, 90, 160), np.uint8), (MotionSpan(0, 15),), outlines)

        assert [change.at_seconds for change in transitions(track)] == [31 / 60.0]


class TestNoChange:
    @pytest.mark.parametrize("num_frames", [1, 3, 5])
    def test_flash(self, num_frames: int) -> None:
        """The picture comes back."""
        assert changes(shot(20), shot(20, num_frames) * 0.3 + 170, shot(20)) == []

    @pytest.mark.parametrize("step_px", [1, 2, 4])
    def test_pan(self, step_px: int) -> None:
        """Neither a cut nor a blend nor a boundary that moves."""
        wide = scene(21, WIDTH + 60 * step_px)
        assert changes(np.stack([wide[:, step * step_px :][:, :WIDTH] for step in range(60)])) == []

    def test_light(self) -> None:
        """A lamp that is switched on slowly is no dissolve."""
        assert changes(shot(22), shot(22, 25) * np.linspace(1, 1.5, 25)[:, None, None], shot(22) * 1.5) == []

    def test_passing_object(self) -> None:
        """Something that covers the picture on its way, and is gone, is no wipe."""
        parts = shot(23, 100)
        for step in range(20):
            left = step * 6 - 40
            parts[40 + step, :, max(0, left) : max(0, left + 40)] = 40
        assert changes(parts) == []

    def test_repeated_pictures(self) -> None:
        """Every second picture of a pan repeats the one before, as after a change of the frame rate."""
        wide = scene(24, WIDTH + 60)
        assert changes(np.stack([wide[:, step // 2 * 2 :][:, :WIDTH] for step in range(60)]), rate_hz=50.0) == []


class TestShotCount:
    def test_all_was_analysed(self) -> None:
        """Nothing is estimated."""
        count = shot_count([ObservedSpan(60.0, 7)], 60.0, 1.0)

        assert (count.num_shots, count.low, count.high, count.is_estimated) == (8.0, 8.0, 8.0, False)

    def test_a_part_was_analysed(self) -> None:
        """The rest has cuts at the same rate, and the interval says how sure that is."""
        spans = [ObservedSpan(2.0, number % 2) for number in range(12)]
        count = shot_count(spans, 240.0, 0.1)

        assert count.is_estimated
        assert count.num_shots == pytest.approx(61.0)
        assert 7 <= count.low < 40
        assert 100 < count.high < 200

    def test_clusters_widen_the_interval(self) -> None:
        """As many cuts in two of the spans say less about the rest than the same spread evenly."""
        even = shot_count([ObservedSpan(2.0, 1) for _ in range(12)], 240.0, 0.1)
        clustered = shot_count([ObservedSpan(2.0, 6 * (number < 2)) for number in range(12)], 240.0, 0.1)

        assert clustered.num_shots == pytest.approx(even.num_shots)
        assert clustered.high - clustered.low > 1.5 * (even.high - even.low)

    def test_no_cut_seen(self) -> None:
        """There may be some where nobody looked."""
        count = shot_count([ObservedSpan(24.0, 0)], 240.0, 0.1)

        assert (count.num_shots, count.low) == (1.0, 1.0)
        assert count.high > 5

    def test_spans_that_begin_with_a_cut(self) -> None:
        """Show no cut of their own where shots are longer; the early keyframes of the whole video tell of them."""
        count = shot_count([ObservedSpan(2.0, 0) for _ in range(12)], 600.0, 0.04, num_early=150)

        assert count.num_shots == pytest.approx(151, rel=0.15)
        assert count.low < 151 < count.high

    def test_early_keyframes_that_are_no_cuts(self) -> None:
        """Count as often as those of the analysed part are cuts."""
        spans = [ObservedSpan(2.0, num_cuts=0, num_early=2) for _ in range(12)]
        count = shot_count(spans, 600.0, 0.04, num_early=600)

        assert count.num_shots < 30
        assert count.low < 10

    def test_cuts_without_keyframes(self) -> None:
        """Are estimated from their rate, next to those at keyframes."""
        spans = [ObservedSpan(2.0, num_cuts=2, num_early=1, num_early_cuts=1) for _ in range(12)]
        count = shot_count(spans, 240.0, 0.1, num_early=100)

        assert count.num_shots == pytest.approx(1 + 24 + 88 + 108, rel=0.05)
