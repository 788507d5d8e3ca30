"""The seeded schedule: which fault strikes when. The same seed gives the same schedule."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault of a schedule."""

    at_seconds: float
    """After the chaos began."""
    kind: str
    seed: int
    """Of all chance within the fault."""


def schedule(
    seed: int, num_faults: int, seconds: float, kinds: Sequence[str], *, first: Collection[str] = ()
) -> list[Strike]:
    """Spread faults over a time at random distances; every kind comes before any returns.

    Args:
        seed: decides everything.
        num_faults: how many.
        seconds: the last one strikes within this time.
        kinds: what there is to choose from.
        first: kinds that have to be among few faults, too.
    """
    chance = random.Random(seed)
    deck = _deck(chance, num_faults, kinds, first)
    gaps = [chance.uniform(0.35, 1.65) for _ in deck]
    scale, at, strikes = seconds / sum(gaps), 0.0, []
    for kind, gap in zip(deck, gaps, strict=True):
        at += gap * scale
        strikes.append(Strike(at, kind, chance.getrandbits(32)))
    return strikes


def _deck(chance: random.Random, num_faults: int, kinds: Sequence[str], first: Collection[str]) -> list[str]:
    deck: list[str] = []
    while len(deck) < num_faults:
        must = [kind for kind in kinds if kind in first]
        others = [kind for kind in kinds if kind not in first]
        chance.shuffle(others)
        one_round = (must + others)[: num_faults - len(deck)]
        chance.shuffle(one_round)
        deck += one_round
    return deck
