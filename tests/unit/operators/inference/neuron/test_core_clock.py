"""The time of a core is shared by the batches on it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from operators.inference.neuron.core_clock import CoreClock


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_batches_share_the_time_in_which_both_are_under_way() -> None:
    """One second alone and two together are two seconds for the first; the second one pays for one alone as well."""
    now, spent = Clock(), dict[str, float]()
    clock = CoreClock(now)
    first, second = ExitStack(), ExitStack()
    first.enter_context(clock.batch(lambda seconds: spent.update(first=seconds)))
    now.seconds += 1
    second.enter_context(clock.batch(lambda seconds: spent.update(second=seconds)))
    now.seconds += 2
    first.close()
    now.seconds += 1
    second.close()
    assert spent == pytest.approx({"first": 2.0, "second": 2.0})


def test_idle_time_and_failures_cost_nothing() -> None:
    """Time without a batch is no batch's, and a failed one is not charged but has had its part."""
    now, spent = Clock(), list[float]()
    clock = CoreClock(now)
    with pytest.raises(ZeroDivisionError), clock.batch(spent.append):
        now.seconds += 3
        raise ZeroDivisionError
    now.seconds += 50
    with clock.batch(spent.append):
        now.seconds += 1
    assert spent == pytest.approx([1.0])
