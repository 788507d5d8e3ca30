"""Latency: what the product adds to a lone item, and live items while backfill runs at full load."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from itertools import cycle, islice
from statistics import median

from operators.inference.inference import Inference
from operators.inference.request_context import Lane, RequestContext
from ops.bench.device.carried import CarriedModel
from ops.bench.device.stage import DeviceStage
from ops.bench.device.throughput import longest_items
from ops.bench.quantile import quantile
from ops.bench.report import Bound, Figure

MOST_ADDED_SECONDS = 1e-3
MOST_TIMES_ALONE = 2.0
LIVE_PAUSE_SECONDS = 0.01
BACKFILL_CALLERS = 8


async def latency_figures(stage: DeviceStage) -> list[Figure]:
    """Measure the first model, a network of pictures."""
    model = stage.models[0]
    stage.say(f"latency: {model.card.name}")
    inference = await stage.inference(model)
    try:
        lone = await _lone(stage, inference, model)
        alone = await _live(stage, inference, model)
        backfill = [asyncio.create_task(_backfill(stage, inference, model)) for _ in range(BACKFILL_CALLERS)]
        shared = await _live(stage, inference, model)
        for task in backfill:
            task.cancel()
        await asyncio.gather(*backfill, return_exceptions=True)
    finally:
        await inference.drain()
        await inference.close()
    added, p99_alone, p99_shared = median(lone), quantile(sorted(alone), 0.99), quantile(sorted(shared), 0.99)
    times = p99_shared / p99_alone
    return [
        Figure("a lone item: added to its kernels, median", added, "s", Bound("at most", MOST_ADDED_SECONDS)),
        Figure("live alone, p99", p99_alone, "s"),
        Figure("live while backfill runs, p99", p99_shared, "s"),
        Figure("live while backfill runs over alone, p99", times, "times", Bound("at most", MOST_TIMES_ALONE)),
    ]


async def _lone(stage: DeviceStage, inference: Inference, model: CarriedModel) -> Sequence[float]:
    """Return how much longer the caller of each item waited than its kernels took."""
    found = []
    for number, item in enumerate(islice(cycle(longest_items(model)), stage.lengths.latency_items)):
        began = time.monotonic()
        output = await inference.batcher(model.card.name).submit(item, _context(f"v{number}", "live"))
        found.append(time.monotonic() - began - output.device_seconds)
    return found


async def _live(stage: DeviceStage, inference: Inference, model: CarriedModel) -> Sequence[float]:
    items, found = cycle(longest_items(model)), list[float]()
    until = time.monotonic() + stage.lengths.lane_seconds
    while not found or time.monotonic() < until:
        began = time.monotonic()
        await inference.batcher(model.card.name).submit(next(items), _context(f"live{len(found)}", "live"))
        found.append(time.monotonic() - began)
        await asyncio.sleep(LIVE_PAUSE_SECONDS)
    return found


async def _backfill(stage: DeviceStage, inference: Inference, model: CarriedModel) -> None:
    rows = list(islice(cycle(longest_items(model)), stage.lengths.items_a_call))
    while True:
        await inference.batcher(model.card.name).submit_many(rows, _context("backfill", "backfill"))


def _context(video_id: str, lane: Lane) -> RequestContext:
    return RequestContext(video_id, lane, math.inf)
