"""Tags of a video, from the classes of image models: only those that are right as a rule.

A classifier knows a closed set of classes and names one of them for any picture, also for one that none fits. Its
highest probability tells both apart best of the scores that cost nothing (maximum softmax probability: Hendrycks and
Gimpel, ICLR 2017), so a class is a tag from a probability on that the model's card states. Where no class is sure, what
several of them have in common may be, such as `dog` (J. Deng et al., "Hedging your bets", CVPR 2012).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

MAX_TAGS = 10
AGREEING_SHARE = 0.25
"""Share of the frames that have to agree on a tag: its score is the mean over those that show it most."""

Tag = dict[str, str | float]
"""`{name, score}`."""


def tags_from(scores: np.ndarray, names: Sequence[str], least_score: float) -> list[Tag]:
    """Return the classes that a good part of the frames shows with certainty, best first; often none.

    An object in one frame of fifty is no tag; nor is a class that no frame is sure of, however many hint at it.

    Args:
        scores: (N, K) float32, N at least 1: probabilities, of which each row sums to 1, or the best scores of boxes.
        names: K class names; classes of the same name are one tag, those of an empty name none.
        least_score: as the card states it.
    """
    found, places = np.unique(np.asarray(names), return_inverse=True)
    by_name = np.zeros((len(found), len(scores)))
    np.add.at(by_name, places, scores.T)
    num_agreeing = math.ceil(len(scores) * AGREEING_SHARE)
    means = np.sort(by_name, axis=1)[:, -num_agreeing:].mean(axis=1)
    tags: list[Tag] = [
        {"name": name, "score": min(mean, 1.0)}
        for name, mean in zip(found.tolist(), means.tolist(), strict=True)
        if name and mean >= least_score
    ]
    return best_tags([tags])


def best_tags(given: Iterable[Sequence[Tag]]) -> list[Tag]:
    """Return the tags of several models as one list, each name with its highest score, the best first."""
    best: dict[str, float] = {}
    for tag in (tag for tags in given for tag in tags):
        name, score = str(tag["name"]), float(tag["score"])
        best[name] = max(score, best.get(name, 0.0))
    ordered = sorted(best.items(), key=lambda item: (-item[1], item[0]))[:MAX_TAGS]
    return [{"name": name, "score": score} for name, score in ordered]
