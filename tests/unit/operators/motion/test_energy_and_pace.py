"""Motion over time, and the pace that follows."""

from __future__ import annotations

import numpy as np
import pytest

from operators.media.tracks import MotionSpan, MotionTrack
from operators.motion.energy import (
    StepEnergy,
    camera_ratio,
    mean_energy,
    motion_energy,
    observed_ratio,
    observed_seconds,
    still_ratio,
)
from operators.motion.flow import PairMotion
from operators.motion.pace import cuts_per_minute, mean_shot_seconds, pace
from operators.motion.track_motion import measure_motion


class TestMotionEnergy:
    def test_steps_of_a_second(self) -> None:
        """Pairs of one second are averaged; seconds without any are left out."""
        motions = [PairMotion(0.1, 0.2, 0.0), PairMotion(0.9, 0.4, 0.2), PairMotion(3.0, 0.1, 0.1)]

        first, second = motion_energy(motions)

        assert (0.0, 3.0) == (first.start_seconds, second.start_seconds)
        assert (0.3, 0.1) == pytest.approx((first.camera, first.object))

    def test_summary(self) -> None:
        """Mean, share of the camera and share of stillness over the steps."""
        steps = [StepEnergy(0.0, 0.3, 0.1), StepEnergy(1.0, 0.0, 0.0), StepEnergy(2.0, 0.1, 0.1), StepEnergy(3.0, 0, 0)]

        assert mean_energy(steps) == pytest.approx(0.15)
        assert camera_ratio(steps) == pytest.approx(4 / 6)
        assert still_ratio(steps) == 0.5

    def test_nothing_moves(self) -> None:
        """Without motion there is no share of it."""
        assert camera_ratio([StepEnergy(0.0, 0.0, 0.0)]) is None
        assert (None, None) == (mean_energy([]), still_ratio([]))


class TestObservedSeconds:
    def test_bursts(self) -> None:
        """Only what is in spans counts, each frame for one interval."""
        track = MotionTrack(
            np.array([0.0, 0.5, 1.0, 60.0, 60.5, 99.0]),
            np.zeros((6, 9, 16), np.uint8),
            (MotionSpan(0, 3), MotionSpan(3, 5), MotionSpan(5, 6)),
        )

        assert observed_seconds(track) == pytest.approx(1.5 + 1.0)

    def test_share(self) -> None:
        """A long video is looked at in part; one that is swept is seen whole, to within a frame."""
        assert observed_ratio(24.0, 240.0) == pytest.approx(0.1, abs=0.01)
        assert observed_ratio(9.92, 10.0) == 1.0
        assert observed_ratio(0.0, 0.0) == 1.0


class TestPace:
    @pytest.mark.parametrize(
        ("cuts_a_minute", "energy", "expected"),
        [
            (0.0, 0.02, "slow"),
            (5.9, 0.09, "slow"),
            (6.0, 0.02, "medium"),
            (0.0, 0.1, "medium"),
            (19.9, 0.49, "medium"),
            (20.0, 0.0, "fast"),
            (0.0, 0.5, "fast"),
        ],
    )
    def test_rules(self, cuts_a_minute: float, energy: float, expected: str) -> None:
        """Slow needs calm editing and a calm picture; either alone makes it fast."""
        assert expected == pace(cuts_a_minute, energy)

    def test_rates(self) -> None:
        """Five cuts in ten seconds are thirty a minute and six shots."""
        assert cuts_per_minute(5, 10.0) == pytest.approx(30.0)
        assert mean_shot_seconds(5, 9.0) == pytest.approx(1.5)
        assert cuts_per_minute(0, 0.0) == 0.0


def dark_track(light: bool) -> MotionTrack:
    """Two seconds of noise in the dark; a light moves through it where there is one."""
    noise = np.random.default_rng(2)
    luma = np.clip(9 + noise.normal(0, 5, (24, 90, 160)), 0, 255).astype(np.uint8)
    if light:
        texture = noise.integers(120, 255, (30, 40)).astype(np.uint8)
        for number, picture in enumerate(luma):
            picture[30:60, 20 + 3 * number : 60 + 3 * number] = texture
    return MotionTrack(np.arange(24) / 12.0, luma, (MotionSpan(0, 24),))


class TestMeasureMotion:
    def test_darkness(self) -> None:
        """Of darkness no motion is stated, and no stillness."""
        motion = measure_motion(dark_track(light=False))

        assert (motion.num_pairs, motion.steps, still_ratio(motion.steps)) == (0, (), None)

    def test_light_in_the_dark(self) -> None:
        """A light that moves at night moves, however little of the picture it fills."""
        motion = measure_motion(dark_track(light=True))

        assert still_ratio(motion.steps) == 0.0
        assert mean_energy(motion.steps) == pytest.approx(3 / 160 * 12, rel=0.5)

    def test_empty_track(self) -> None:
        """A track without frames has no cuts and no motion."""
        motion = measure_motion(MotionTrack(np.zeros(0), np.zeros((0, 90, 160), np.uint8), ()))

        assert ((), (), 0, 0.0) == (motion.cuts_seconds, motion.steps, motion.num_pairs, motion.observed_seconds)

    def test_cuts_at_early_keyframes(self) -> None:
        """Both are counted in each span, but for what is at its first picture."""
        scenes = np.random.default_rng(3).integers(0, 256, (3, 36, 64)).astype(np.uint8)
        luma = np.concatenate([np.repeat(scene[None], 24, axis=0) for scene in scenes])
        track = MotionTrack(10.0 + np.arange(72) / 12.0, luma, (MotionSpan(0, 72),))
        regular = [each for each in np.arange(0.0, 60.0, 2.5) if not 10 < each < 16]

        (span,) = measure_motion(track, sorted([*regular, 12.0, 13.5])).observed_spans

        assert (span.num_cuts, span.num_early, span.num_early_cuts) == (2, 2, 1)
