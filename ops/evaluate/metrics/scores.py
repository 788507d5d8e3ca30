"""Metrics of scores: at given thresholds, over all of them, and thresholds for what somebody wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from ops.evaluate.judgements import Decided, Scored
from ops.evaluate.metrics.decisions import decision_figures
from ops.evaluate.metrics.figures import share
from ops.evaluate.metrics.intervals import Numbers
from ops.evaluate.metrics.ranking import Flags, auc, average_precision
from ops.evaluate.result import CurvePoint, MetricValue, ThresholdAdvice

CURVE_THRESHOLDS: Final = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Ascending; 0 would be reached by everything, and 1 by next to nothing."""


def arrays_of(found: Sequence[Scored]) -> tuple[Flags, Numbers]:
    """Return truth and scores, each (N,)."""
    truth = np.array([each.truth for each in found], dtype=bool)
    return truth, np.array([each.score for each in found], dtype=np.float64)


def score_figures(found: Sequence[Scored], thresholds: Sequence[float]) -> list[MetricValue]:
    """Return the figures of one method in one subject; thresholds are reached by scores that equal them."""
    truth, scores = arrays_of(found)
    at_thresholds = [
        each for threshold in sorted(set(thresholds)) for each in decision_figures(decided(found, threshold), threshold)
    ]
    return [auc(truth, scores), average_precision(truth, scores), *at_thresholds]


def decided(found: Sequence[Scored], threshold: float) -> list[Decided]:
    """Return the decisions that a threshold makes of scores."""
    return [
        Decided(each.subject, each.item, each.method, each.kind, truth=each.truth, said=each.score >= threshold)
        for each in found
    ]


def curve(found: Sequence[Scored]) -> tuple[CurvePoint, ...]:
    """Return precision, recall and load at thresholds of equal distance."""
    truth, scores = arrays_of(found)
    return tuple(_point(threshold, truth, scores >= threshold) for threshold in CURVE_THRESHOLDS)


def _point(threshold: float, truth: Flags, said: Flags) -> CurvePoint:
    num_hits, num_positives = int((said & truth).sum()), int(truth.sum())
    return CurvePoint(
        threshold=threshold,
        precision=share("precision", num_hits, int(said.sum()) if num_positives else 0).value,
        recall=share("recall", num_hits, num_positives).value,
        load=round(float(said.mean()), 4),
    )


def threshold_for_precision(found: Sequence[Scored], wanted: float) -> ThresholdAdvice:
    """Return the lowest score from which on the items are right as often as wanted; none without a positive."""
    truth, scores = arrays_of(found)
    reached = [
        float(threshold) for threshold in np.unique(scores[truth]) if truth[scores >= threshold].mean() >= wanted
    ]
    threshold = min(reached, default=None)
    return _advice("precision", wanted, threshold, truth, scores)


def threshold_for_load(found: Sequence[Scored], wanted: float) -> ThresholdAdvice:
    """Return the lowest score that at most a share of the items reach; none if the highest is too common."""
    truth, scores = arrays_of(found)
    reached = [float(threshold) for threshold in np.unique(scores) if (scores >= threshold).mean() <= wanted]
    return _advice("review load", wanted, min(reached, default=None), truth, scores)


def _advice(
    wanted: Literal["precision", "review load"], target: float, threshold: float | None, truth: Flags, scores: Numbers
) -> ThresholdAdvice:
    said = scores >= threshold if threshold is not None else np.zeros(len(scores), dtype=bool)
    num_hits, num_positives = int((said & truth).sum()), int(truth.sum())
    num_said = int(said.sum()) if num_positives else 0
    return ThresholdAdvice(
        wanted=wanted,
        target=target,
        threshold=None if threshold is None else round(threshold, 6),
        precision=share("precision", num_hits, num_said),
        recall=share("recall", num_hits, num_positives if threshold is not None else 0),
        load=round(float(said.mean()), 4) if threshold is not None and len(said) else None,
    )
