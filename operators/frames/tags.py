"""Tags of a video, from the image classifier's class names: only those that are right as a rule.

The classifier knows a closed set of classes and names one of them for any picture, also for one that none fits. Its
highest probability tells both apart best of the scores that cost nothing (maximum softmax probability: Hendrycks and
Gimpel, ICLR 2017), so a class is a tag from a probability on that the model's card states.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

MAX_TAGS = 10
AGREEING_SHARE = 0.25
"""Share of the frames that have to agree on a tag: its score is the mean over those that show it most."""

Tag = dict[str, str | float]
"""`{name, score}`."""


def tags_from(probabilities: np.ndarray, names: Sequence[str], least_score: float) -> list[Tag]:
    """Return the classes that a good part of the frames shows with certainty, best first; often none.

    An object in one frame of fifty is no tag; nor is a class that no frame is sure of, however many hint at it.

    Args:
        probabilities: (N, K) float32, each row sums to 1; N at least 1.
        names: K class names; classes of the same name are one tag.
        least_score: as the card states it.
    """
    found, places = np.unique(np.asarray(names), return_inverse=True)
    by_name = np.zeros((len(found), len(probabilities)))
    np.add.at(by_name, places, probabilities.T)
    num_agreeing = math.ceil(len(probabilities) * AGREEING_SHARE)
    scores = np.sort(by_name, axis=1)[:, -num_agreeing:].mean(axis=1)
    best = sorted(zip(scores.tolist(), found.tolist(), strict=True), key=lambda tag: (-tag[0], tag[1]))[:MAX_TAGS]
    return [{"name": name, "score": min(score, 1.0)} for score, name in best if score >= least_score]
