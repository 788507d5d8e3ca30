"""What frames around a suspicious one say of it."""

from __future__ import annotations

import numpy as np
import pytest

from operators.frames.second_look import (
    MAX_LOOKS,
    FrameVerification,
    frames_to_doubt,
    is_alike,
    look_of,
    settled_scores,
    telling,
)
from operators.media.tracks import SampledFrame

SCENE = np.random.default_rng(3).integers(0, 256, (8, 8, 3)).repeat(32, 0).repeat(57, 1).astype(np.uint8)
OTHER = 255 - SCENE
CALM = [0.3, 0.2, 0.4, 0.3, 0.2, 0.1]


def noisy(pixels: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 6, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def look(others: list[np.ndarray], scores: list[float], *, may_clear: bool = True) -> FrameVerification:
    return look_of(2, SampledFrame(12.0, SCENE), 0.9, others, scores, may_clear=may_clear)


class TestFramesToDoubt:
    def test_strongest_first(self) -> None:
        """Frames that look like the label, and no others, the highest score first."""
        assert frames_to_doubt(np.array([0.1, 0.6, 0.49, 0.9])) == [3, 1]

    def test_many(self) -> None:
        """A label that many frames show does not hang on one: only the strongest is looked at, for the reason."""
        assert frames_to_doubt(np.array([0.9] * MAX_LOOKS + [0.95])) == [MAX_LOOKS]

    def test_none(self) -> None:
        """Harmless frames cost nothing."""
        assert frames_to_doubt(np.array([0.1, 0.3])) == []


class TestLook:
    def test_a_slip_is_cleared(self) -> None:
        """Six frames that show the same picture and score low clear the one that scores high."""
        found = look([noisy(SCENE, seed) for seed in range(6)], CALM)

        assert (found.outcome.num_agree, found.outcome.num_frames, found.outcome.is_cleared) == (1, 7, True)
        assert found.score == 0.4

    def test_an_insert_is_not(self) -> None:
        """Frames of another picture say nothing of one that stands among them, however calm they are."""
        found = look([OTHER] * 6, CALM)

        assert (found.outcome.num_agree, found.outcome.num_frames, found.outcome.is_cleared) == (1, 7, False)

    def test_one_that_agrees_is_enough(self) -> None:
        """No majority clears what another frame shows, too."""
        found = look([noisy(SCENE, seed) for seed in range(6)], [*CALM[:5], 0.8])

        assert (found.outcome.num_agree, found.outcome.is_cleared) == (2, False)

    @pytest.mark.parametrize(
        ("scores", "settled"),
        [
            ([0.95, 0.97, 0.1, 0.1, 0.1, 0.1], 0.95),
            ([0.97, 0.1, 0.1, 0.1, 0.1, 0.1], 0.9),
            ([0.6, 0.1, 0.1, 0.1, 0.1, 0.1], 0.9),
            ([], 0.9),
        ],
        ids=["two are higher", "one is higher", "lower", "no others"],
    )
    def test_frames_that_agree(self, scores: list[float], settled: float) -> None:
        """The score is the highest that two frames reach, and never less than the sampled frame's own."""
        assert look([OTHER] * len(scores), scores).score == settled

    def test_too_few_to_clear(self) -> None:
        """Two frames of the same picture are no proof; none at all least of all."""
        assert not look([SCENE, SCENE], [0.1, 0.1]).outcome.is_cleared
        assert look([], []).outcome.num_frames == 1
        assert not look([], []).outcome.is_cleared

    def test_not_the_only_one(self) -> None:
        """Where other sampled frames look like it, too, and were not looked at again, nothing is cleared."""
        assert not look([SCENE] * 6, CALM, may_clear=False).outcome.is_cleared


class TestIsAlike:
    def test_noise_and_a_slight_shift(self) -> None:
        """Compression, noise and a hand that shakes by a pixel leave a picture what it is."""
        assert is_alike(SCENE, noisy(SCENE, 1))
        assert is_alike(SCENE, np.roll(SCENE, 1, axis=1))

    @pytest.mark.parametrize("colour", [(224, 172, 150), (0, 0, 0)])
    def test_a_part_exchanged(self, colour: tuple[int, int, int]) -> None:
        """A picture of which a sixteenth is another one is another picture, though most of it is the same."""
        grey = np.full((256, 456, 3), 128, np.uint8)
        exchanged = grey.copy()
        exchanged[96:160, 171:285] = colour

        assert not is_alike(grey, exchanged)


class TestSettledScores:
    def test_cleared_only(self) -> None:
        """A cleared frame counts as the highest of those that cleared it; all others keep their score."""
        scores = np.array([0.1, 0.7, 0.9], np.float32)
        cleared, standing = look([SCENE] * 6, CALM), look([OTHER] * 6, CALM)

        assert settled_scores(scores, [cleared]).tolist() == pytest.approx([0.1, 0.7, 0.4])
        assert settled_scores(scores, [standing]).tolist() == pytest.approx([0.1, 0.7, 0.9])

    def test_what_is_told(self) -> None:
        """The look that cleared nothing is told before one that did."""
        cleared, standing = look([SCENE] * 6, CALM), look([OTHER] * 6, CALM)

        assert telling([cleared, standing]) is standing.outcome
        assert telling([cleared]) is cleared.outcome
        assert telling([]) is None
