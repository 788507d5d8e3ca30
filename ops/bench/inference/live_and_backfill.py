"""Live videos at a moderate rate, with and without backfill that never ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import cycle, islice
from time import monotonic
from typing import Any

import numpy as np

from ops.bench.inference.load import poisson_arrivals
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
    backfill = [asyncio.create_task(_fill(competitor, items)) for _ in range(NUM_BACKFILL_VIDEOS * with_backfill)]
    try:
        arrivals = poisson_arrivals(per_second, seconds, seed)
        began = monotonic()
        supply = cycle(items)
        live = []
        for arrival in arrivals:
            await asyncio.sleep(max(0.0, began + arrival - monotonic()))
            video = list(islice(supply, video_items))
            live.append(asyncio.create_task(_live(competitor, video, began + arrival)))
        return {"latencies_seconds": await asyncio.gather(*live)}
    finally:
        for task in backfill:
            task.cancel()
        await asyncio.gather(*backfill, return_exceptions=True)


async def _live(competitor: VidsignalBatcher, video: list[np.ndarray], began: float) -> float:
    await competitor.ask_many(video, "live")
    return monotonic() - began


async def _fill(competitor: VidsignalBatcher, items: Sequence[np.ndarray]) -> None:
    while True:
        await competitor.ask_many(list(items[:BACKFILL_VIDEO_ITEMS]), "backfill")
