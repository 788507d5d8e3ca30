"""What a competitor's process measures on command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from ops.bench.inference.batching_competitor import BatchingCompetitor
from ops.bench.inference.live_and_backfill import run_lanes
from ops.bench.inference.load import at_a_rate, one_at_a_time, poisson_arrivals, saturate
from ops.bench.inference.ready_time import ready_seconds

DEVICE_THREADS: Final = "device-"
"""Start of the names of the threads that compute for Vidsignal; the other competitors' are in other processes."""


async def run_saturated(
    competitor: BatchingCompetitor, items: Sequence[np.ndarray], *, callers: int, seconds: float
) -> dict[str, Any]:
    """Return how many items were answered, and how long the computing thread waited for a core meanwhile."""
    before_seconds = ready_seconds(DEVICE_THREADS)
    saturated = await saturate(competitor.ask, items, callers, seconds)
    return {**asdict(saturated), "ready_seconds": ready_seconds(DEVICE_THREADS) - before_seconds}


async def run_one_at_a_time(
    competitor: BatchingCompetitor, items: Sequence[np.ndarray], *, count: int
) -> dict[str, Any]:
    """Return the latency of each item."""
    return {"latencies_seconds": await one_at_a_time(competitor.ask, items, count)}


async def run_at_a_rate(
    competitor: BatchingCompetitor, items: Sequence[np.ndarray], *, per_second: float, seconds: float, seed: int
) -> dict[str, Any]:
    """Return the latency of each item."""
    latencies = await at_a_rate(competitor.ask, items, poisson_arrivals(per_second, seconds, seed))
    return {"latencies_seconds": latencies}


Command = Callable[..., Awaitable[dict[str, Any]]]

COMMANDS: Final[dict[str, Command]] = {
    "saturate": run_saturated,
    "one": run_one_at_a_time,
    "rate": run_at_a_rate,
    "lanes": run_lanes,  # only with Vidsignal's competitor
}
"""By the name in `do`; the other fields are keyword arguments."""
