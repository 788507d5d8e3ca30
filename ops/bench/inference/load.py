"""Ways to put load on something that answers items: as fast as it can, one at a time, and at a given rate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from random import Random
from time import monotonic
from typing import TypeVar

import numpy as np

from ops.bench.arrivals import Arrivals

Ask = Callable[[np.ndarray], Awaitable[object]]
"""Sends one item, and returns when its answer is there."""
Asked = TypeVar("Asked")


@dataclass(frozen=True, slots=True)
class Saturated:
    """Items that were answered while callers asked as fast as they could."""

    items: int
    wall_seconds: float
    """Until the last of these answers: batches do not end when the time does."""
    late_items: int = 0
    """Items that were answered afterwards; their CPU time was measured, too."""
    total_seconds: float = 0.0
    """Until the last of all answers."""


async def saturate(ask: Ask, items: Sequence[np.ndarray], callers: int, seconds: float) -> Saturated:
    """Let `callers` tasks ask one item after the other, until `seconds` have passed."""
    supply = cycle(items)
    began = monotonic()
    answered_at: list[float] = []

    async def call() -> None:
        while monotonic() - began < seconds:
            await ask(next(supply))
            answered_at.append(monotonic() - began)

    await asyncio.gather(*(call() for _ in range(callers)))
    in_time = [at for at in answered_at if at < seconds] or answered_at[:1]
    return Saturated(len(in_time), in_time[-1], len(answered_at) - len(in_time), answered_at[-1])


async def one_at_a_time(ask: Ask, items: Sequence[np.ndarray], count: int) -> list[float]:
    """Return the seconds of each of `count` items, each asked when the one before was answered."""
    return [await _timed(ask, item, monotonic()) for item, _ in zip(cycle(items), range(count), strict=False)]


async def at_a_rate(
    ask: Callable[[Asked], Awaitable[object]], items: Sequence[Asked], arrivals: Iterator[float]
) -> list[float]:
    """Ask at given times, whether or not earlier items have been answered.

    Args:
        ask: sends an item, or the items of a video.
        items: used in turn.
        arrivals: seconds from now, ascending.

    Returns:
        Seconds from each arrival to the answer, so a late start of the request counts as latency.
    """
    began = monotonic()
    supply = cycle(items)
    tasks = []
    for arrival in arrivals:
        await asyncio.sleep(max(0.0, began + arrival - monotonic()))
        tasks.append(asyncio.create_task(_timed(ask, next(supply), began + arrival)))
    return list(await asyncio.gather(*tasks))


async def _timed(ask: Callable[[Asked], Awaitable[object]], item: Asked, began: float) -> float:
    await ask(item)
    return monotonic() - began


def poisson_arrivals(per_second: float, seconds: float, seed: int) -> Iterator[float]:
    """Yield random arrival times below `seconds`; the same for the same seed."""
    return Arrivals(per_second).times(Random(seed), seconds)
