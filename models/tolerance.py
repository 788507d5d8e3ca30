"""How far a model's answers may move from those in float32 before another precision or engine is refused.

A card states the limits of each output. The measurement of a precision compares its answers to stored inputs with the
answers in float32: `models.card.Card.excess_of` names the first limit that they break.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far one output's answers are from others to the same inputs."""

    max_difference: float
    """Largest difference of a number, in the unit of the output."""
    min_cosine: float
    """Least cosine of the vectors of an item; 1 for two that are zero, 0 where only one is."""
    equal_top1_ratio: float
    """Share of items with the highest number in the same column."""

    @classmethod
    def between(cls, expected: np.ndarray, found: np.ndarray) -> Deviation:
        """Compare the answers to N inputs, (N, ...) each.

        Answers of another shape, none at all, and numbers that are not finite deviate without limit.
        """
        import numpy as np  # the commands that only list cards do without it

        if expected.shape != found.shape or not expected.size or not np.isfinite(found).all():
            return cls(math.inf, -1.0, 0.0)
        first, second = (answers.reshape(len(answers), -1).astype(np.float64) for answers in (expected, found))
        return cls(
            max_difference=float(np.abs(first - second).max()),
            min_cosine=float(_cosines(first, second).min()),
            equal_top1_ratio=float((first.argmax(axis=1) == second.argmax(axis=1)).mean()),
        )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Limits of one output; None: no limit."""

    max_difference: float | None = None
    min_cosine: float | None = None
    min_equal_top1_ratio: float | None = None

    def excess(self, found: Deviation) -> str | None:
        """Return which limit a deviation breaks, with both numbers; None if it breaks none."""
        if self.max_difference is not None and not found.max_difference <= self.max_difference:
            return f"largest difference {found.max_difference:.4g}, tolerated is {self.max_difference:g}"
        if self.min_cosine is not None and not found.min_cosine >= self.min_cosine:
            return f"least cosine {found.min_cosine:.6g}, tolerated is {self.min_cosine:g}"
        if self.min_equal_top1_ratio is not None and not found.equal_top1_ratio >= self.min_equal_top1_ratio:
            return f"equal top-1 of {found.equal_top1_ratio:.4g}, tolerated is {self.min_equal_top1_ratio:g}"
        return None


def _cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N,) of the rows of two matrices."""
    import numpy as np

    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    both_zero = ~first.any(axis=1) & ~second.any(axis=1)
    cosines = np.divide((first * second).sum(axis=1), lengths, out=np.zeros(len(first)), where=lengths > 0)
    return np.where(both_zero, 1.0, cosines)
