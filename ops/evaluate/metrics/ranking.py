"""Metrics over all thresholds: area under the ROC curve, average precision, reliability."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ops.evaluate.metrics.figures import figure
from ops.evaluate.metrics.intervals import Numbers, auc_interval, bootstrapped
from ops.evaluate.result import MetricValue, ReliabilityBin

Flags = npt.NDArray[np.bool_]
_NUM_BINS: Final = 10
_MOST_RESAMPLED: Final = 20_000
"""Items above which the interval of average precision is left out: it sorts all of them a thousand times."""


def auc(truth: Flags, scores: Numbers) -> MetricValue:
    """Return the probability that a positive has a higher score than a negative, ties as one half.

    `n` is the number of pairs; not measured if one kind is missing.
    """
    num_positives, num_negatives = int(truth.sum()), int((~truth).sum())
    num_pairs = num_positives * num_negatives
    if num_pairs == 0:
        return figure("AUC", None, 0, None)
    ranks = _mid_ranks(scores)
    value = float((ranks[truth].sum() - num_positives * (num_positives + 1) / 2) / num_pairs)
    return figure("AUC", value, num_pairs, auc_interval(value, num_positives, num_negatives))


def _mid_ranks(scores: Numbers) -> Numbers:
    """Return ranks from 1, equal scores with the mean of theirs."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Numbers = (last - (counts - 1) / 2)[places]
    return ranks


def average_precision(truth: Flags, scores: Numbers) -> MetricValue:
    """Return the mean precision over the recalled positives, equal scores as one step.

    Not measured without both kinds.
    """
    num_positives = int(truth.sum())
    if num_positives in (0, len(truth)):
        return figure("average precision", None, 0, None)
    interval = None
    if len(truth) <= _MOST_RESAMPLED:
        interval = bootstrapped(len(truth), lambda drawn: _average_precision(truth[drawn], scores[drawn]))
    return figure("average precision", _average_precision(truth, scores), num_positives, interval)


def _average_precision(truth: Flags, scores: Numbers) -> float:
    num_positives = truth.sum()
    if num_positives == 0:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.nonzero(np.diff(scores[order]))[0], len(scores) - 1)
    hits = np.cumsum(truth[order])[ends]
    precision = hits / (ends + 1)
    return float((np.diff(hits, prepend=0) * precision).sum() / num_positives)


def reliability(truth: Flags, scores: Numbers) -> tuple[ReliabilityBin, ...]:
    """Return ten bins of equal width; empty ones are left out, and so are all if one kind is missing."""
    if truth.all() or not truth.any():
        return ()
    places = np.minimum((scores * _NUM_BINS).astype(int), _NUM_BINS - 1)
    return tuple(_bin(place, truth[places == place], scores[places == place]) for place in np.unique(places))


def _bin(place: int, truth: Flags, scores: Numbers) -> ReliabilityBin:
    return ReliabilityBin(
        low=int(place) / _NUM_BINS,
        high=(int(place) + 1) / _NUM_BINS,
        n=len(truth),
        mean_score=round(float(scores.mean()), 4),
        true_share=round(float(truth.mean()), 4),
    )
