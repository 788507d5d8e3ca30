"""Quantiles of measured values."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil


def quantile(ascending: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed, by nearest rank. NaN without values."""
    if not ascending:
        return float("nan")
    return ascending[max(1, ceil(round(share * len(ascending), 9))) - 1]
