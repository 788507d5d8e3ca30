"""Which frames an expensive model is shown."""

from __future__ import annotations

import numpy as np

from operators.frames.looking_order import looking_order


def picture(level: int) -> np.ndarray:
    return np.full((32, 32), level, np.uint8)


class TestOrder:
    def test_begins_with_the_sharpest(self) -> None:
        """The first of the sharpest; then the one that differs most from all that were chosen."""
        levels, sharpness = [10, 20, 200, 110], [0.1, 0.9, 0.9, 0.2]
        assert looking_order([picture(level) for level in levels], sharpness, 3) == (1, 2, 3)

    def test_still(self) -> None:
        """A video of one picture, noise aside, is looked at once."""
        noise = np.random.default_rng(0)
        frames = [(100 + noise.integers(-2, 3, (32, 32))).astype(np.uint8) for _ in range(40)]
        assert len(looking_order(frames, [0.5] * 40, 4)) == 1

    def test_two_scenes(self) -> None:
        """A picture that comes back is not looked at again, whatever the budget."""
        frames = [picture(level) for level in (50, 50, 180, 50, 180)]
        assert looking_order(frames, [0.5] * 5, 4) == (0, 2)

    def test_budget(self) -> None:
        """No more than wanted; none of none."""
        frames = [picture(20 * step) for step in range(10)]
        assert len(looking_order(frames, [0.5] * 10, 4)) == 4
        assert looking_order([], [], 4) == ()
