"""Points of a calibration: pairs of a model's score and the score to state, linear in between."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from msgspec import Meta

Score = Annotated[float, Meta(ge=0, le=1)]
Points = tuple[tuple[Score, Score], ...]


def points_problem(points: Sequence[tuple[float, float]]) -> str | None:
    """Return what is allowed where points are no calibration; None if they are one, or there are none.

    Scores ascend, and so do those to state: a higher score never means less.
    """
    if len(points) == 1 or any(a[0] >= b[0] or a[1] > b[1] for a, b in pairwise(points)):
        return "at least two points [score of the model, score to state], ascending in both"
    return None
