"""Fits a logistic function of the sources' scores to what people decided.

Weights are not negative and have a ridge, so that few reviews give a cautious head. It is compared on held-out folds
with the rule as it is stated, and refused if that orders the examples better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.fusion.fusion_rule import FusionHead, FusionRule
from ops.calibration.examples import CannotFit
from ops.evaluate.metrics.ranking import auc
from ops.fusion.reviewed import ReviewedExample

MIN_ACTED: Final = 50
MIN_ALLOWED: Final = 50
_NUM_FOLDS: Final = 5
_RIDGE: Final = 1.0
_MAX_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class FittedHead:
    """A head, and how it did on reviews that it was not fitted to."""

    head: FusionHead
    num_acted: int
    num_allowed: int
    auc: float
    auc_stated: float
    brier: float
    brier_base: float
    """Of the share of examples that people acted on, said of each."""

    @property
    def words(self) -> str:
        """One line for people, kept with the head."""
        return (
            f"{self.num_acted} acted on, {self.num_allowed} allowed; on held-out folds AUC {self.auc:.3f} "
            f"(as stated {self.auc_stated:.3f}), Brier {self.brier:.3f} (base rate {self.brier_base:.3f})"
        )


def fit_head(rule: FusionRule, examples: Sequence[ReviewedExample]) -> FittedHead:
    """Fit the head of a rule.

    Raises:
        CannotFit: there are too few examples of one kind, or the head is no better than the stated rule or than the
            share of videos that people acted on.
    """
    truth = np.array([each.is_right for each in examples], dtype=bool)
    _require(rule.label, int(truth.sum()), len(truth) - int(truth.sum()))
    scores = np.array([[each.scores.get(label, 0.0) for label in rule.sources] for each in examples])
    held_out = _held_out(scores, truth)
    weights = _weights(scores, truth)
    until = max(each.reviewed_unix_seconds for each in examples)
    found = FittedHead(
        head=FusionHead(round(float(weights[0]), 4), _rounded(rule.sources, weights[1:]), until),
        num_acted=int(truth.sum()),
        num_allowed=int((~truth).sum()),
        auc=auc(truth, held_out).value or 0.0,
        auc_stated=auc(truth, np.array([each.stated for each in examples])).value or 0.0,
        brier=float(np.mean((held_out - truth) ** 2)),
        brier_base=float(truth.mean() * (1 - truth.mean())),
    )
    if found.auc <= found.auc_stated or found.brier >= found.brier_base:
        raise CannotFit(f"{rule.label}: a learned head is no better than the stated rule: {found.words}")
    return found


def _require(label: str, num_acted: int, num_allowed: int) -> None:
    for found, least, kind in ((num_acted, MIN_ACTED, "acted on"), (num_allowed, MIN_ALLOWED, "allowed")):
        if found < least:
            raise CannotFit(f"{label}: {found} reviewed verdicts were {kind}; at least {least} are needed")


def _rounded(labels: Sequence[str], weights: np.ndarray) -> dict[str, float]:
    return {label: round(float(weight), 4) for label, weight in zip(labels, weights, strict=True)}


def _held_out(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return probabilities by heads that were fitted to the other folds; folds have both kinds alike."""
    folds = np.empty(len(truth), dtype=int)
    for kind in (False, True):
        (places,) = np.nonzero(truth == kind)
        folds[np.random.default_rng(0).permutation(places)] = np.arange(len(places)) % _NUM_FOLDS
    said = np.empty(len(truth))
    for fold in range(_NUM_FOLDS):
        here = folds == fold
        said[here] = _probabilities(_design(scores[here]), _weights(scores[~here], truth[~here]))
    return said


def _weights(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return bias and weights with the highest penalised likelihood; sources that would count against are left out."""
    used = np.ones(scores.shape[1], dtype=bool)
    while True:
        weights = np.zeros(scores.shape[1] + 1)
        weights[np.concatenate(([True], used))] = _logistic(_design(scores[:, used]), truth)
        if (weights[1:] >= 0).all():
            return weights
        used[int(np.argmin(weights[1:]))] = False


def _logistic(design: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Minimise the penalised loss by Newton's method; it is convex, and the ridge bounds every step."""
    ridge = np.diag([0.0] + [_RIDGE] * (design.shape[1] - 1)) + 1e-9 * np.eye(design.shape[1])
    found = np.zeros(design.shape[1])
    for _ in range(_MAX_STEPS):
        expected = _probabilities(design, found)
        gradient = design.T @ (expected - truth) + ridge @ found
        curvature = (design * (expected * (1 - expected))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, gradient)
        found -= step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    return found


def _design(scores: np.ndarray) -> np.ndarray:
    return np.hstack([np.ones((len(scores), 1)), scores])


def _probabilities(design: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-np.logaddexp(0.0, -(design @ weights))))
