"""How many shots a video has of which a part was analysed.

The cuts of the analysed spans are counted, those of the rest are estimated from their rate. The interval takes into
account that cuts come in clusters: the variance between spans is compared with that of independent events.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COMPLETE_RATIO = 0.999
"""Analysed share from which nothing is left to estimate."""
_NORMAL_95 = 1.96
_PRIOR_CUTS = 0.5
"""Jeffreys prior of a rate: without a cut in the analysed part there may be some in the rest."""


@dataclass(frozen=True, slots=True)
class ObservedSpan:
    """A stretch that was analysed."""

    seconds: float
    num_cuts: int


@dataclass(frozen=True, slots=True)
class ShotCount:
    """Number of shots of a whole video."""

    num_shots: float
    low: float
    """Lower end of the 95 % interval; as `num_shots` if all of the video was analysed."""
    high: float
    is_estimated: bool


def shot_count(spans: Sequence[ObservedSpan], duration_seconds: float, observed_ratio: float) -> ShotCount:
    """Return the number of shots.

    Args:
        spans: that were analysed.
        duration_seconds: of the whole video.
        observed_ratio: analysed share of it.
    """
    num_cuts = sum(span.num_cuts for span in spans)
    observed_seconds = sum(span.seconds for span in spans)
    if observed_ratio >= COMPLETE_RATIO or observed_seconds <= 0.0:
        return ShotCount(num_cuts + 1.0, num_cuts + 1.0, num_cuts + 1.0, observed_ratio < COMPLETE_RATIO)
    unseen = max(0.0, duration_seconds - observed_seconds) / observed_seconds
    expected = num_cuts * unseen
    low, high = _interval(num_cuts, unseen, _dispersion(spans, num_cuts / observed_seconds))
    return ShotCount(
        num_cuts + 1 + expected, num_cuts + 1 + min(low, expected), num_cuts + 1 + max(high, expected), True
    )


def _dispersion(spans: Sequence[ObservedSpan], rate: float) -> float:
    """Return the variance of the spans' counts over that of independent events, at least 1."""
    expected = np.array([span.seconds * rate for span in spans])
    if len(spans) < 2 or not expected.min() > 0.0:
        return 1.0
    counts = np.array([span.num_cuts for span in spans])
    return max(1.0, float(((counts - expected) ** 2 / expected).sum()) / (len(spans) - 1))


def _interval(num_cuts: int, unseen: float, dispersion: float) -> tuple[float, float]:
    """Return the 95 % interval of the cuts in the unseen part, which is `unseen` times as long: quantiles of a gamma
    distribution with mean and variance of the prediction (E. Wilson, M. Hilferty, 1931)."""
    mean = (num_cuts + _PRIOR_CUTS) * unseen
    variance = dispersion * (mean + mean * mean / (num_cuts + _PRIOR_CUTS))
    shape, scale = mean * mean / variance, variance / mean
    low, high = (
        scale * shape * max(0.0, 1 - 1 / (9 * shape) + sign * _NORMAL_95 / (3 * math.sqrt(shape))) ** 3
        for sign in (-1, 1)
    )
    return low, high
