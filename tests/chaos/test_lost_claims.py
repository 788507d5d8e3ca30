"""A signal of two contents is left out where the store lost writes in between, and nothing else is."""

from __future__ import annotations

import pytest

from tests.chaos.judge.judge import Evaluation
from tests.chaos.judge.lost_claims import without_lost_claims
from tests.chaos.judge.violations import KINDS, Violation

FIRST, OTHER = 1000.0, 1300.0


def left(kind: str, *losses: float) -> Evaluation:
    times = {"first_unix_seconds": FIRST, "other_unix_seconds": OTHER}
    return without_lost_claims(Evaluation((Violation(kind, "video-1", times),), {}), losses)


@pytest.mark.parametrize("kind", KINDS)
def test_only_signals_are_left_out(kind: str) -> None:
    """A version with two contents, for example, never."""
    assert (left(kind, 1100.0).violations == ()) == (kind == "signal-with-two-contents")


@pytest.mark.parametrize(
    ("losses", "is_left_out"), [((), False), ((900.0,), False), ((950.0,), True), ((1301.0,), False)]
)
def test_only_where_the_store_lost_writes(losses: tuple[float, ...], is_left_out: bool) -> None:
    """Between the two records, or while the first waited for its broker; and the report says how many."""
    found = left("signal-with-two-contents", *losses)
    assert found.looked_at == {"signals_of_lost_claims": int(is_left_out)}
    assert (found.violations == ()) == is_left_out
