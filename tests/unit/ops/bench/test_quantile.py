"""Quantiles of measured values."""

from __future__ import annotations

from math import isnan

import pytest

from ops.bench.quantile import quantile


class TestQuantile:
    @pytest.mark.parametrize(
        ("number", "share", "rank"), [(100, 0.99, 99), (100, 0.5, 50), (30, 0.99, 30), (1, 0.5, 1), (7, 0.0, 1)]
    )
    def test_nearest_rank(self, number: int, share: float, rank: int) -> None:
        """The smallest value that the share does not exceed; never a value that was not measured."""
        assert quantile([float(place) for place in range(1, number + 1)], share) == rank

    def test_of_nothing(self) -> None:
        """A step without uploads has no latency."""
        assert isnan(quantile([], 0.5))
