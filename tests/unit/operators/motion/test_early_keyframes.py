"""Keyframes that an encoder writes before they are due."""

from __future__ import annotations

import numpy as np

from operators.motion.early_keyframes import early_keyframes


def test_a_regular_distance() -> None:
    """None is early, though clocks are not exact."""
    jitter = np.random.default_rng(1).uniform(-0.02, 0.02, 60)
    assert not len(early_keyframes(tuple(np.arange(60) * 2.0 + jitter)))


def test_cuts_between_regular_ones() -> None:
    """A keyframe at a cut is early; the next ones are counted from there."""
    seconds = (0.0, 4.0, 8.0, 9.2, 13.2, 17.2, 18.0, 22.0, 26.0)
    assert list(early_keyframes(seconds)) == [9.2, 18.0]


def test_quick_editing() -> None:
    """Where a cut always comes first, nearly every keyframe is early."""
    lengths = np.random.default_rng(2).uniform(0.7, 5.0, 200)
    assert len(early_keyframes(tuple(np.cumsum(lengths)))) > 180


def test_a_pause() -> None:
    """One long distance, as after a pause of the recording, makes no others early."""
    seconds = np.arange(40) * 2.0 + np.where(np.arange(40) < 20, 0.0, 30.0)
    assert not len(early_keyframes(tuple(seconds)))


def test_too_few() -> None:
    """Say nothing."""
    assert not len(early_keyframes(()))
    assert not len(early_keyframes((0.0, 2.0, 2.5)))
