"""Tags of a video, from the image classifier's class names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

MAX_TAGS = 10
MIN_SCORE = 0.05
"""Of the mean over frames. The classes exclude each other, so at most 20 can reach it."""

Tag = dict[str, str | float]
"""`{name, score}`."""


def top_tags(probabilities: np.ndarray, names: Sequence[str]) -> list[Tag]:
    """Return the classes with the highest mean score, best first.

    The mean describes the video as a whole: an object in one frame of fifty is no tag.

    Args:
        probabilities: (N, K) float32, each row sums to 1; N at least 1.
        names: K class names; classes of the same name are one tag.
    """
    scores: defaultdict[str, float] = defaultdict(float)
    mean = probabilities.mean(axis=0, dtype=np.float64)
    for name, score in zip(names, mean, strict=True):
        scores[name] += float(score)
    best = sorted(scores.items(), key=lambda tag: (-tag[1], tag[0]))[:MAX_TAGS]
    return [{"name": name, "score": min(score, 1.0)} for name, score in best if score >= MIN_SCORE]
