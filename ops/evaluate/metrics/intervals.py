"""95 % intervals of figures. All are deterministic: whatever is drawn is drawn from one seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Z_95: Final = 1.959963984540054
"""Two-sided quantile of the normal distribution."""
NUM_RESAMPLES: Final = 1_000
_SEED: Final = 20_000
_STEPS: Final = 60

Numbers = npt.NDArray[np.float64]


def wilson(num_hits: int, num_trials: int) -> tuple[float, float] | None:
    """Return Wilson's interval of a share (E. B. Wilson, 1927); None without trials.

    It stays within [0, 1], and has a length at 0 and at 1.
    """
    if num_trials == 0:
        return None
    share, square = num_hits / num_trials, Z_95 * Z_95
    centre = share + square / (2 * num_trials)
    margin = Z_95 * math.sqrt(share * (1 - share) / num_trials + square / (4 * num_trials * num_trials))
    scale = 1 + square / num_trials
    return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)


def auc_interval(auc: float, num_positives: int, num_negatives: int) -> tuple[float, float] | None:
    """Return the interval of an area under the ROC curve, by Newcombe's method 5 (Statistics in Medicine 25, 2006).

    It inverts the variance of Hanley and McNeil as Wilson's does for shares, so that it has a length at 1, where
    DeLong's has none. None if one kind is missing.
    """
    if num_positives == 0 or num_negatives == 0:
        return None
    return (
        _inverted(auc, 0.0, num_positives, num_negatives),
        _inverted(auc, 1.0, num_positives, num_negatives),
    )


def _inverted(auc: float, end: float, num_positives: int, num_negatives: int) -> float:
    """Return the area between `auc` and an end of [0, 1] that is just as far from `auc` as its own error permits."""
    near, far = auc, end
    for _ in range(_STEPS):
        middle = (near + far) / 2
        within = abs(middle - auc) <= Z_95 * math.sqrt(_auc_variance(middle, num_positives, num_negatives))
        near, far = (middle, far) if within else (near, middle)
    return near


def _auc_variance(auc: float, num_positives: int, num_negatives: int) -> float:
    size = (num_positives + num_negatives) / 2 - 1
    spread = 1 + size * ((1 - auc) / (2 - auc) + auc / (1 + auc))
    return auc * (1 - auc) * spread / (num_positives * num_negatives)


def bootstrapped(num_items: int, figure_of: Callable[[npt.NDArray[np.int64]], float]) -> tuple[float, float] | None:
    """Return the percentile interval of a figure over resampled items; None with fewer than two items.

    Args:
        num_items: that are drawn from, with replacement.
        figure_of: takes indices of items; NaN for a resample that has no such figure.
    """
    if num_items < 2:
        return None
    drawing = np.random.default_rng(_SEED)
    found = np.array([figure_of(drawing.integers(num_items, size=num_items)) for _ in range(NUM_RESAMPLES)])
    found = found[~np.isnan(found)]
    if len(found) < NUM_RESAMPLES / 2:
        return None
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def bootstrapped_f1(true_positives: int, false_positives: int, false_negatives: int) -> tuple[float, float] | None:
    """Return the percentile interval of F1; None if nothing is true or said.

    Resampling the items that count for F1 is drawing these three counts.
    """
    total = true_positives + false_positives + false_negatives
    if total < 2:
        return None
    shares = np.array([true_positives, false_positives, false_negatives]) / total
    drawn = np.random.default_rng(_SEED).multinomial(total, shares, size=NUM_RESAMPLES)
    found = 2 * drawn[:, 0] / (2 * drawn[:, 0] + drawn[:, 1] + drawn[:, 2])
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)
