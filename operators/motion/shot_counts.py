"""How many shots a video has of which a part was analysed.

The cuts of the analysed spans are counted, those of the rest are estimated. Most encoders begin a shot with a keyframe,
and analysed spans begin with keyframes as well, so they see fewer cuts than other spans of that length. Keyframes that
come early are therefore counted in the whole video, and count as cuts as often as they do within the spans; only cuts
without one are estimated from their rate. The interval takes into account that cuts come in clusters: the variance
between spans is compared with that of independent events.
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
_PRIOR_KEYFRAMES = 1.0
"""As if one early keyframe had been seen: at a cut, as far as the cuts that were found are at early keyframes."""
_PRIOR_ELSEWHERE = 0.1
"""As if that many had been seen elsewhere: an encoder has few other reasons."""


@dataclass(frozen=True, slots=True)
class ObservedSpan:
    """A stretch that was analysed."""

    seconds: float
    num_cuts: int
    num_early: int = 0
    """Early keyframes after its first picture."""
    num_early_cuts: int = 0
    """Cuts that are at one of those."""


@dataclass(frozen=True, slots=True)
class ShotCount:
    """Number of shots of a whole video."""

    num_shots: float
    low: float
    """Lower end of the 95 % interval; as `num_shots` if all of the video was analysed."""
    high: float
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class _Prediction:
    """Of a number of cuts in what was not analysed."""

    expected: float
    mean: float
    """With what the priors add."""
    variance: float


def shot_count(
    spans: Sequence[ObservedSpan], duration_seconds: float, observed_ratio: float, num_early: int = 0
) -> ShotCount:
    """Return the number of shots.

    Args:
        spans: that were analysed.
        duration_seconds: of the whole video.
        observed_ratio: analysed share of it.
        num_early: early keyframes of the whole video; 0 if they are not known.
    """
    num_cuts = sum(span.num_cuts for span in spans)
    observed_seconds = sum(span.seconds for span in spans)
    if observed_ratio >= COMPLETE_RATIO or observed_seconds <= 0.0:
        return ShotCount(num_cuts + 1.0, num_cuts + 1.0, num_cuts + 1.0, observed_ratio < COMPLETE_RATIO)
    unseen = max(0.0, duration_seconds - observed_seconds) / observed_seconds
    parts = (_by_rate(spans, observed_seconds, unseen), _by_keyframes(spans, num_early))
    expected = sum(part.expected for part in parts)
    low, high = _interval(sum(part.mean for part in parts), sum(part.variance for part in parts))
    return ShotCount(
        num_cuts + 1 + expected, num_cuts + 1 + min(low, expected), num_cuts + 1 + max(high, expected), True
    )


def _by_rate(spans: Sequence[ObservedSpan], observed_seconds: float, unseen: float) -> _Prediction:
    """Predict the cuts without an early keyframe; what was not analysed is `unseen` times as long as what was."""
    counts = np.array([span.num_cuts - span.num_early_cuts for span in spans])
    num_cuts = int(counts.sum())
    mean = (num_cuts + _PRIOR_CUTS) * unseen
    dispersion = _dispersion(counts, np.array([span.seconds for span in spans]) * num_cuts / observed_seconds)
    return _Prediction(num_cuts * unseen, mean, dispersion * (mean + mean * mean / (num_cuts + _PRIOR_CUTS)))


def _by_keyframes(spans: Sequence[ObservedSpan], num_early: int) -> _Prediction:
    """Predict the cuts at early keyframes that are not within the spans: a beta-binomial distribution."""
    num_seen, num_at_cut = sum(span.num_early for span in spans), sum(span.num_early_cuts for span in spans)
    num_unseen = max(0, num_early - num_seen)
    at_keyframe = (num_at_cut + 1) / (sum(span.num_cuts for span in spans) + 1)
    at_cut = num_at_cut + _PRIOR_KEYFRAMES * at_keyframe
    total = max(num_seen, num_at_cut) + _PRIOR_KEYFRAMES + _PRIOR_ELSEWHERE
    ratio = at_cut / total
    variance = num_unseen * ratio * (1 - ratio) * (total + num_unseen) / (total + 1)
    return _Prediction(num_unseen * ratio, num_unseen * ratio, variance)


def _dispersion(counts: np.ndarray, expected: np.ndarray) -> float:
    """Return the variance of the spans' counts over that of independent events, at least 1."""
    if len(counts) < 2 or not expected.min() > 0.0:
        return 1.0
    return max(1.0, float(((counts - expected) ** 2 / expected).sum()) / (len(counts) - 1))


def _interval(mean: float, variance: float) -> tuple[float, float]:
    """Return the 95 % interval of a prediction: quantiles of a gamma distribution (E. Wilson, M. Hilferty, 1931)."""
    if not variance > 0.0:
        return mean, mean
    shape, scale = mean * mean / variance, variance / mean
    low, high = (
        scale * shape * max(0.0, 1 - 1 / (9 * shape) + sign * _NORMAL_95 / (3 * math.sqrt(shape))) ** 3
        for sign in (-1, 1)
    )
    return low, high
