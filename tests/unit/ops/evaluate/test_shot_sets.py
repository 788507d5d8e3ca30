"""The sets of cuts and motion: what their videos hold, and how answers are judged."""

from __future__ import annotations

import numpy as np
import pytest

from operators.media.plan import COUNTED_PIXELS, PlanPolicy
from operators.motion.energy import StepEnergy
from operators.motion.shot_counts import ShotCount
from operators.motion.track_motion import TrackMotion
from operators.motion.transitions import Transition
from ops.evaluate.decoded_motion import MeasuredVideo
from ops.evaluate.generated_shots import FrameShape
from ops.evaluate.joined_sequences import CHANGES, Part, Sequence, drawn_sequence
from ops.evaluate.judgements import PRODUCT, Amount, Choice, TrueSpan
from ops.evaluate.long_sequences import drawn_long_sequence, drawn_sampled_sequence
from ops.evaluate.motion_clips import motion_clips
from ops.evaluate.scene_material import SceneMaterial, part_of
from ops.evaluate.sets.motion import judgements_of
from ops.evaluate.sets.shots import counted_shots, hard_only, outside_of_gradual, overlaps

PICTURES = tuple(np.random.default_rng(seed).integers(0, 256, (480, 720, 3), dtype=np.uint8) for seed in range(3))
MATERIAL = SceneMaterial(PICTURES)


def plain(level: int) -> Part:
    picture = np.full((18, 32, 3), level, np.uint8)
    return Part(lambda _seconds: picture, 1.0, "hard")


class TestSequences:
    def test_the_same_seed(self) -> None:
        """Gives the same pictures and changes, another gives others."""
        first, again, other = (drawn_sequence("a", seed, MATERIAL) for seed in (1, 1, 2))

        assert first.changes == again.changes
        assert np.array_equal(next(first.pictures()), next(again.pictures()))
        assert first.changes != other.changes

    def test_changes(self) -> None:
        """Hard ones have no length, gradual ones have, and all kinds are drawn."""
        changes = [change for seed in range(40) for change in drawn_sequence("a", seed, MATERIAL).changes]

        assert {change.kind for change in changes} == set(CHANGES)
        assert {change.kind for change in hard_only(changes)} == {"hard", "short", "dark", "flat", "jump"}

    def test_times(self) -> None:
        """A change is where the pictures change."""
        sequence = Sequence("a", (plain(10), plain(200), plain(60)), FrameShape(32, 18), 25.0, 12, 0.0, 1)
        levels = np.array([picture.mean() for picture in sequence.pictures()])

        assert [change.start_seconds for change in sequence.changes] == [1.0, 2.0]
        assert list(np.flatnonzero(np.diff(levels)) + 1) == [25, 50]

    def test_long_ones(self) -> None:
        """Have many shots of different lengths."""
        sequence = drawn_long_sequence("a", 3, MATERIAL)

        assert sequence.num_frames / sequence.rate_hz >= 100
        assert len({round(part.seconds) for part in sequence.parts}) > 3

    def test_those_of_which_a_part_is_decoded(self) -> None:
        """Are longer than what is decoded in full at their size."""
        sequence = drawn_sampled_sequence("a", 3, MATERIAL)
        policy = PlanPolicy()

        assert sequence.num_frames * COUNTED_PIXELS[0] / COUNTED_PIXELS[1] > policy.full_decode_max_packets

    def test_parts(self) -> None:
        """A file belongs to the part that thresholds may be fitted on, or to the other, by its name alone."""
        assert {part_of(f"{number}.jpg") for number in range(20)} == {"fit", "held-out"}
        assert part_of("a.jpg") == part_of("a.jpg")


class TestJudgements:
    def test_other_methods_within_a_gradual_change(self) -> None:
        """They name no kinds, so such times are no false cuts."""
        truth = (TrueSpan(2.0, 3.0, "dissolve"), TrueSpan(5.0, 5.0, "hard"))

        assert outside_of_gradual((0.5, 2.5, 3.2, 5.0), truth) == (0.5, 5.0)

    def test_overlap(self) -> None:
        """Half of what either covers; nothing of another kind, and nothing found is an abstention."""
        truth = (TrueSpan(2.0, 3.0, "fade-black"), TrueSpan(6.0, 7.0, "wipe"))
        found = (Transition("fade", 2.0, 4.0, 3.0), Transition("dissolve", 6.0, 7.0, 6.5))

        assert [amount.said for amount in overlaps("a", truth, found)] == [0.5, None]

    def test_counted_shots(self) -> None:
        """An estimate is judged next to the interval that it states; a count has none."""
        counted = list(counted_shots("a", 8, ShotCount(8.0, 8.0, 8.0, is_estimated=False)))
        estimated = list(counted_shots("b", 40, ShotCount(30.0, 20.0, 39.0, is_estimated=True)))

        assert counted == [Amount("number of shots, 100 s and longer", "a", PRODUCT, "", 1.0, 1.0)]
        assert estimated == [
            Amount("number of shots, where a part is analysed", "b", PRODUCT, "", 1.0, 0.75),
            Choice("interval of that number", "b", PRODUCT, "", ("holds",), "misses"),
        ]

    def test_motion(self) -> None:
        """Speeds are judged over the true ones; a share that is not known is not judged."""
        clips = {clip.name: clip for clip in motion_clips(MATERIAL, 1)}
        motion = TrackMotion((), (StepEnergy(0.0, 0.18, 0.02),), 4, 1.0)
        found = MeasuredVideo(motion, 0.0, 1.0, 0.1)

        pan = {each.subject: each for each in judgements_of("a", clips["pan-0.2-25"], found)}
        still = {each.subject: each for each in judgements_of("a", clips["cursor"], found)}

        assert isinstance(pan["speed of the camera"], Amount)
        assert pan["speed of the camera"].said == pytest.approx(0.9)
        assert pan["share of the camera"].said == pytest.approx(0.9)
        assert (still["still share, of motion"].truth, still["still share, of motion"].said) == (1.0, 0.0)
        assert "speed of the camera" not in still
