"""The percentile of few pictures is numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from operators.frames.percentile_of_few import percentile_of_few


@pytest.mark.parametrize("number", range(1, 10))
@pytest.mark.parametrize("percentile", [0, 30, 50, 77.7, 100])
def test_equals_numpy(number: int, percentile: float) -> None:
    """For any number of pictures, whether or not a value is on the percentile; the pictures stay as they were."""
    pictures = np.random.default_rng(number).integers(0, 256, (number, 7, 9), np.uint8)
    before = pictures.copy()
    np.testing.assert_allclose(percentile_of_few(pictures, percentile), np.percentile(pictures, percentile, axis=0))
    assert (pictures == before).all()


def test_equal_values_stay_whole() -> None:
    """A threshold at a whole number is met by pictures that all have it."""
    assert (percentile_of_few([np.full((2, 3), 8, np.uint8)] * 8, 30) == 8.0).all()
