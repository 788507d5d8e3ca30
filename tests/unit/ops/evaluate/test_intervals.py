"""Intervals against published or hand-computed values, and where there is nothing to measure."""

from __future__ import annotations

import numpy as np
import pytest

from ops.evaluate.metrics.intervals import auc_interval, bootstrapped, bootstrapped_f1, wilson


class TestWilson:
    @pytest.mark.parametrize(
        ("num_hits", "num_trials", "low", "high"),
        [
            (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17, 1998, table I, method 3
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ],
    )
    def test_published_examples(self, num_hits: int, num_trials: int, low: float, high: float) -> None:
        """The four examples of Newcombe's paper come out to its four digits."""
        assert wilson(num_hits, num_trials) == pytest.approx((low, high), abs=5e-5)

    def test_everything_right(self) -> None:
        """All of twenty is no certainty: the interval mirrors that of none of twenty."""
        assert wilson(20, 20) == pytest.approx((1 - 0.1611, 1.0), abs=5e-5)

    def test_nothing_tried(self) -> None:
        """Without trials there is no interval."""
        assert wilson(0, 0) is None


class TestAuc:
    def test_satisfies_its_own_equation(self) -> None:
        """Each end is as far from the area as the variance of Hanley and McNeil at that end permits."""
        area, positives, negatives = 0.8, 30, 40
        for end in auc_interval(area, positives, negatives) or ():
            weight = (positives + negatives) / 2 - 1
            spread = 1 + weight * ((1 - end) / (2 - end) + end / (1 + end))
            variance = end * (1 - end) * spread / (positives * negatives)
            assert (area - end) ** 2 == pytest.approx(1.959964**2 * variance, rel=1e-4)

    def test_a_perfect_order_is_no_certainty(self) -> None:
        """At 1 the interval ends at 1 and has a length, the shorter the more items there are."""
        few, many = auc_interval(1.0, 5, 5), auc_interval(1.0, 500, 500)
        assert few is not None and many is not None
        assert few[1] == many[1] == 1.0
        assert few[0] < many[0] < 1.0

    @pytest.mark.parametrize(("positives", "negatives"), [(0, 5), (5, 0), (0, 0)])
    def test_one_kind_missing(self, positives: int, negatives: int) -> None:
        """Without pairs there is no interval."""
        assert auc_interval(0.5, positives, negatives) is None


class TestBootstrap:
    def test_mean_of_many(self) -> None:
        """The interval of a mean is close to that of the normal distribution."""
        values = np.arange(400.0) % 2
        low, high = bootstrapped(400, lambda drawn: float(values[drawn].mean())) or (0.0, 0.0)
        assert (low, high) == pytest.approx((0.451, 0.549), abs=0.01)

    def test_equal_runs_are_equal(self) -> None:
        """Nothing is drawn from a clock or a machine."""
        assert bootstrapped_f1(8, 2, 3) == bootstrapped_f1(8, 2, 3)

    @pytest.mark.parametrize("num_items", [0, 1])
    def test_too_few(self, num_items: int) -> None:
        """One item says nothing of its spread."""
        assert bootstrapped(num_items, lambda _drawn: 1.0) is None
        assert bootstrapped_f1(num_items, 0, 0) is None

    def test_mostly_undefined(self) -> None:
        """A figure that most resamples do not have, has no interval."""
        assert bootstrapped(10, lambda _drawn: float("nan")) is None

    def test_f1_holds_its_value(self) -> None:
        """F1 of 8 hits, 2 false and 3 missed is 16/21, and is within its interval."""
        low, high = bootstrapped_f1(8, 2, 3) or (1.0, 0.0)
        assert low < 16 / 21 < high
