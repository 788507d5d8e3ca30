"""Fits points that turn a model's scores of one label into probabilities of that label.

- Platt scaling: a logistic curve over the score's log-odds, with Platt's targets, which keep it from certainty. Platt,
  "Probabilistic outputs for support vector machines", 1999; Newton's method as by Lin, Lin and Weng, 2007.
- Isotonic regression: the ascending steps with the least squared error, by pooling adjacent violators; means of steps
  with Laplace's correction. Needs more material: Niculescu-Mizil and Caruana, ICML 2005, found it better than Platt's
  from about 1,000 examples on.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.calibration_file import LabelCalibration, Method
from ops.calibration.examples import CannotFit

MIN_POSITIVES: Final = 50
MIN_NEGATIVES: Final = 50
ISOTONIC_EXAMPLES: Final = 1_000
"""From as many examples on, isotonic regression is the default."""
_NUM_FOLDS: Final = 5
_MAX_STEPS: Final = 100
_RIDGE: Final = 1e-6
"""Keeps the curve finite where a score separates the truth completely."""
_EDGE: Final = 1e-6
"""Scores nearer to 0 and 1 have log-odds that say nothing about the label."""
_CURVE_LOG_ODDS: Final = np.linspace(-12.0, 12.0, 385)
"""Places of a logistic curve's points; of slopes up to 10 it deviates from the lines between them by less than 0.01."""
_MAX_POINTS: Final = 1_000


def fit_label(label: str, scores: np.ndarray, truth: np.ndarray, method: Method | None = None) -> LabelCalibration:
    """Fit one label.

    Args:
        label: its name.
        scores: (N,) of the model, in [0, 1], not calibrated.
        truth: (N,) of bool, whether the material shows the label.
        method: by default Platt's below `ISOTONIC_EXAMPLES` examples, isotonic regression from there on.

    Raises:
        CannotFit: there are too few examples of one kind, or higher scores do not mean the label.
    """
    num_positives = int(truth.sum())
    num_negatives = len(truth) - num_positives
    for found, least, kind in (
        (num_positives, MIN_POSITIVES, "show"),
        (num_negatives, MIN_NEGATIVES, "do not show"),
    ):
        if found < least:
            raise CannotFit(f"{label}: {found} examples {kind} it; at least {least} are needed")
    chosen: Method = method or ("isotonic" if len(scores) >= ISOTONIC_EXAMPLES else "platt")
    points = _fit(label, scores, truth, chosen)
    return LabelCalibration(
        label=label,
        method=chosen,
        num_positives=num_positives,
        num_negatives=num_negatives,
        brier_before=_brier(scores, truth),
        brier_after=_brier(_held_out(label, scores, truth, chosen), truth),
        points=points,
    )


def _fit(label: str, scores: np.ndarray, truth: np.ndarray, method: Method) -> tuple[tuple[float, float], ...]:
    points = _platt(label, scores, truth) if method == "platt" else _isotonic(scores, truth)
    if len(points) < 2 or points[0][1] == points[-1][1]:
        raise CannotFit(f"{label}: higher scores do not mean it more often in these examples")
    return points


def _held_out(label: str, scores: np.ndarray, truth: np.ndarray, method: Method) -> np.ndarray:
    """Calibrate each example by points that were fitted to the other folds; folds have both kinds alike."""
    folds = np.empty(len(scores), dtype=int)
    for kind in (False, True):
        (places,) = np.nonzero(truth == kind)
        folds[np.random.default_rng(0).permutation(places)] = np.arange(len(places)) % _NUM_FOLDS
    calibrated = np.empty(len(scores))
    for fold in range(_NUM_FOLDS):
        here = folds == fold
        said, stated = zip(*_fit(label, scores[~here], truth[~here], method), strict=True)
        calibrated[here] = np.interp(scores[here], said, stated)
    return calibrated


def _brier(scores: np.ndarray, truth: np.ndarray) -> float:
    return round(float(np.mean((scores - truth) ** 2)), 6)


def _platt(label: str, scores: np.ndarray, truth: np.ndarray) -> tuple[tuple[float, float], ...]:
    slope, offset = _logistic(_log_odds(scores), truth)
    if slope <= 0:
        raise CannotFit(f"{label}: higher scores do not mean it more often in these examples")
    places = np.concatenate(([0.0], _sigmoid(_CURVE_LOG_ODDS), [1.0]))
    # Where there is no example, the curve goes on; it may not be more certain than all examples together permit.
    least, most = _targets(truth)
    return _points(places, np.clip(_sigmoid(slope * _log_odds(places) + offset), least, most))


def _targets(truth: np.ndarray) -> tuple[float, float]:
    """Return Platt's targets for examples without and with the label."""
    num_positives = int(truth.sum())
    return 1 / (len(truth) - num_positives + 2), (num_positives + 1) / (num_positives + 2)


def _logistic(values: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return slope and offset with the highest likelihood of Platt's targets."""
    least, most = _targets(truth)
    targets = np.where(truth, most, least)
    design = np.stack([values, np.ones_like(values)], axis=1)
    found = np.array([0.0, np.log((truth.sum() + 1) / ((~truth).sum() + 1))])
    loss = _loss(design, targets, found)
    for _ in range(_MAX_STEPS):
        expected = _sigmoid(design @ found)
        gradient = design.T @ (expected - targets) + _RIDGE * found
        curvature = (design * (expected * (1 - expected))[:, None]).T @ design + _RIDGE * np.eye(2)
        step, length = np.linalg.solve(curvature, gradient), 1.0
        while (moved := _loss(design, targets, found - length * step)) > loss and length > 1e-10:
            length /= 2
        if loss - moved < 1e-10 * (1 + abs(loss)):
            break
        found, loss = found - length * step, moved
    return float(found[0]), float(found[1])


def _loss(design: np.ndarray, targets: np.ndarray, found: np.ndarray) -> float:
    """Negative log-likelihood, without overflow."""
    logits = design @ found
    return float(np.sum(np.logaddexp(0.0, logits) - targets * logits) + _RIDGE / 2 * found @ found)


def _isotonic(scores: np.ndarray, truth: np.ndarray) -> tuple[tuple[float, float], ...]:
    blocks: list[tuple[float, float, float, int]] = []  # first score, last score, number of positives, of examples
    places, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    positives = np.bincount(inverse, weights=truth.astype(float))
    for place, shown, count in zip(places.tolist(), positives.tolist(), counts.tolist(), strict=True):
        blocks.append((place, place, shown, count))
        while len(blocks) > 1 and blocks[-2][2] * blocks[-1][3] >= blocks[-1][2] * blocks[-2][3]:
            (first, _, before, fewer), (_, last, after, more) = blocks[-2:]
            blocks[-2:] = [(first, last, before + after, fewer + more)]
    means = np.maximum.accumulate([(shown + 1) / (count + 2) for _, _, shown, count in blocks])
    edges = [(place, mean) for block, mean in zip(blocks, means, strict=True) for place in dict.fromkeys(block[:2])]
    chosen = np.unique(np.linspace(0, len(edges) - 1, min(len(edges), _MAX_POINTS)).round().astype(int))
    return _points(*(np.array([edges[index][axis] for index in chosen]) for axis in (0, 1)))


def _points(places: np.ndarray, stated: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Round, and keep the places that still ascend."""
    points: dict[float, float] = {}
    for place, score in zip(places.tolist(), np.maximum.accumulate(stated).tolist(), strict=True):
        points.setdefault(round(place, 6), round(score, 6))
    return tuple(points.items())


def _log_odds(scores: np.ndarray) -> np.ndarray:
    bounded = np.clip(scores, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(bounded / (1 - bounded)))


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-np.logaddexp(0.0, -values)))
