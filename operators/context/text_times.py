"""Times of passages in texts that were recognised in sound or pictures; text that was uploaded has none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from operators.context.passages import Passage
from operators.segments import TimeSpan, runs_above, strongest
from schemas.evidence import Segment

_FLOOR = 0.5
"""A place in the text is shown from here on, and so is its time; a lower floor would join bad with good."""

Times = Callable[[Collection[Passage]], Sequence[TimeSpan]]
"""When some passages were said or seen; empty if they have no time."""


def no_times(_passages: Collection[Passage]) -> Sequence[TimeSpan]:
    """Return the times of what was uploaded."""
    return ()


def text_segments(scores: np.ndarray, passages: Sequence[Collection[Passage]], times: Times) -> tuple[Segment, ...]:
    """Return the times whose passages score at least one half, strongest first.

    Args:
        scores: (N,) float32 in [0, 1].
        passages: N groups, each with one score.
        times: of the passages.
    """
    timed = sorted(
        ((span, float(score)) for score, group in zip(scores, passages, strict=True) for span in times(group)),
        key=lambda each: each[0].start_seconds,
    )
    spans, found = [span for span, _ in timed], np.array([score for _, score in timed])
    return strongest(runs_above(spans, found, _FLOOR))
