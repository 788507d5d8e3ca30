"""A minute of the sample mix, decoded beforehand: how busy the device is, and what the host spends on it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count, cycle, islice

from operators.inference.inference import Inference
from operators.inference.request_context import RequestContext
from ops.bench.device.stage import DeviceStage
from ops.bench.report import Bound, Figure

LEAST_BUSY_RATIO = 0.9


async def busy_figures(stage: DeviceStage) -> list[Figure]:
    """Measure; a video is its items of all models, and a number of videos is in flight."""
    stage.say(f"busy: {stage.lengths.busy_seconds:g} s of the sample mix")
    async with _opened(stage) as inference:
        await _videos(stage, inference, until_seconds=0.0)  # one round, so that nothing is done for the first time
        meter = stage.energy()
        device_before, driving_before, process_before = _clocks(inference)
        began = time.monotonic()
        videos = await _videos(stage, inference, began + stage.lengths.busy_seconds)
        passed = time.monotonic() - began
        device_after, driving_after, process_after = _clocks(inference)
        joules = meter.joules() if meter is not None else None
    cpu_seconds, device_seconds = process_after - process_before, device_after - device_before
    figures = [
        Figure("mix: device busy", device_seconds / passed, "of 1", Bound("at least", LEAST_BUSY_RATIO)),
        Figure("mix: videos", videos / passed, "/s"),
        Figure("mix: device seconds", device_seconds / videos, "s a video"),
        Figure("mix: CPU of this process", cpu_seconds / videos, "s a video"),
        Figure("mix: of that, threads that drive the device", (driving_after - driving_before) / videos, "s a video"),
        Figure("mix: cores in use", cpu_seconds / passed, "cores"),
    ]
    return figures if joules is None else [*figures, Figure("mix: energy of the device", joules / videos, "J a video")]


@asynccontextmanager
async def _opened(stage: DeviceStage) -> AsyncIterator[Inference]:
    inference = await stage.inference()
    try:
        yield inference
    finally:
        await inference.drain()
        await inference.close()


def _clocks(inference: Inference) -> tuple[float, float, float]:
    return inference.device_seconds(), inference.cpu_seconds(), time.process_time()


async def _videos(stage: DeviceStage, inference: Inference, until_seconds: float) -> int:
    """Send videos until then, at least one by each caller; return how many were answered."""
    numbers = count()
    inputs = {each.card.name: cycle(each.items) for each in stage.models}

    async def ask() -> int:
        done = 0
        while not done or time.monotonic() < until_seconds:
            context = RequestContext(f"v{next(numbers)}", "live", math.inf)
            await asyncio.gather(
                *(
                    inference.batcher(model).submit_many(list(islice(inputs[model], num_items)), context)
                    for model, num_items in stage.items_per_video.items()
                )
            )
            done += 1
        return done

    return sum(await asyncio.gather(*(ask() for _ in range(stage.lengths.busy_videos))))
