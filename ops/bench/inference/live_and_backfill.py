"""Live videos at a moderate rate, with and without backfill that never ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ops.bench.inference.load import at_a_rate, poisson_arrivals
from ops.bench.inference.ours import VidsignalBatcher

NUM_BACKFILL_VIDEOS = 8
"""In flight at once; their items fill the largest batch several times."""
BACKFILL_VIDEO_ITEMS = 16


async def run_lanes(
    competitor: VidsignalBatcher,
    items: Sequence[np.ndarray],
    *,
    per_second: float,
    seconds: float,
    seed: int,
    video_items: int,
    with_backfill: bool,
) -> dict[str, Any]:
    """Return the latency of each live video, from its arrival to the answer for its last item."""
    starts = range(0, len(items) - video_items + 1, video_items)
    videos = [list(items[start : start + video_items]) for start in starts]
    backfill = [asyncio.create_task(_fill(competitor, items)) for _ in range(NUM_BACKFILL_VIDEOS * with_backfill)]
    try:
        ask = partial(competitor.ask_many, lane="live")
        latencies = await at_a_rate(ask, videos, poisson_arrivals(per_second, seconds, seed))
        return {"latencies_seconds": latencies}
    finally:
        for task in backfill:
            task.cancel()
        await asyncio.gather(*backfill, return_exceptions=True)


async def _fill(competitor: VidsignalBatcher, items: Sequence[np.ndarray]) -> None:
    while True:
        await competitor.ask_many(list(items[:BACKFILL_VIDEO_ITEMS]), "backfill")
