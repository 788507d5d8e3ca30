"""The schedule: seeded, and no kind of fault is forgotten."""

from __future__ import annotations

from collections import Counter

from tests.chaos.faults.registry import EVERY_ROUND, FAULTS, OF_REAL_MEDIA
from tests.chaos.schedule import schedule

SECONDS = 600.0


def kinds_of(num_faults: int, seed: int = 1) -> Counter[str]:
    return Counter(strike.kind for strike in schedule(seed, num_faults, SECONDS, list(FAULTS), first=EVERY_ROUND))


def test_the_same_seed_gives_the_same_schedule() -> None:
    """Times, kinds and the chance within each fault."""
    one, same, other = (schedule(seed, 30, SECONDS, list(FAULTS)) for seed in (7, 7, 8))
    assert one == same != other


def test_every_kind_comes_before_any_comes_again() -> None:
    """A hundred faults hold each kind five times; as many as there are kinds hold each once."""
    assert set(kinds_of(len(FAULTS)).values()) == {1}
    assert set(kinds_of(5 * len(FAULTS)).values()) == {5}


def test_few_faults_hold_the_most_important() -> None:
    """Whatever the seed."""
    for seed in range(20):
        assert kinds_of(12, seed).keys() >= set(EVERY_ROUND)


def test_all_strike_in_time() -> None:
    """In their order, the last one at the end."""
    times = [strike.at_seconds for strike in schedule(3, 12, SECONDS, list(FAULTS))]
    assert times == sorted(times)
    assert abs(times[-1] - SECONDS) < 1e-6


def test_kinds_that_are_named_exist() -> None:
    """In the registry."""
    assert set(EVERY_ROUND) | OF_REAL_MEDIA <= FAULTS.keys()
