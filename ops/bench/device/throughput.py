"""Items a second: a bare loop of graph replays, the product with many callers, and the eager path."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from itertools import count, cycle, islice

import numpy as np
import torch

from models.card import Precision
from operators.inference.backends.cuda import CudaBackend, CudaModel
from operators.inference.inference import Inference
from operators.inference.request_context import RequestContext
from ops.bench.device.carried import CarriedModel
from ops.bench.device.eager_path import EagerPath
from ops.bench.device.stage import DeviceStage, PhaseLengths
from ops.bench.report import Bound, Figure

CALLERS = 8
EAGER_SIZE = 16
"""The largest of a card for pictures, before the device chose."""
REPLAYS_IN_A_ROW = 20
LEAST_OF_BARE, LEAST_OF_EAGER = 0.95, 3.0


def throughput_figures(stage: DeviceStage, model: CarriedModel) -> Iterator[Figure]:
    """Measure one model; the three ways run on one backend, so that batch sizes are searched once."""
    stage.say(f"throughput: {model.card.name}")
    seconds, name, backend = stage.lengths.throughput_seconds, model.card.name, stage.backend()
    began = time.monotonic()
    loaded = backend.load(model.card, model.build)
    yield Figure(f"{name}: first load, with the search of batch sizes", time.monotonic() - began, "s")
    size, precision = max(loaded.warm_up()), loaded.precision
    bare = _bare_per_second(loaded, (size, *longest_items(model)[0].shape), seconds)
    eager = _eager_per_second(model, loaded, precision, seconds)
    loaded.close()
    product = asyncio.run(_product_per_second(stage, model, backend))
    yield Figure(f"{name}: largest batch", float(size), "items")
    yield Figure(f"{name}: bare replays, {precision}", bare, "items/s")
    yield Figure(f"{name}: product", product, "items/s")
    yield Figure(f"{name}: eager, batches of {EAGER_SIZE}", eager, "items/s")
    yield Figure(f"{name}: product over bare replays", product / bare, "times", Bound("at least", LEAST_OF_BARE))
    yield Figure(f"{name}: product over eager", product / eager, "times", Bound("at least", LEAST_OF_EAGER))


def longest_items(model: CarriedModel) -> list[np.ndarray]:
    """Return the inputs of the largest shape among a model's inputs: a batch holds one shape."""
    shape = max((item.shape for item in model.items), key=math.prod)
    return [item for item in model.items if item.shape == shape]


def _bare_per_second(loaded: CudaModel, shape: tuple[int, ...], seconds: float) -> float:
    """Replay one graph on inputs that are there already, with nobody who waits."""
    device, graph = loaded.device, loaded.buckets[shape].graph
    ended = device.runtime.event()

    def replay_some() -> int:
        with device.runtime.on(device.compute), torch.inference_mode():
            for _ in range(REPLAYS_IN_A_ROW):
                graph.replay()
            ended.record(device.compute)
            ended.synchronize()
        return REPLAYS_IN_A_ROW * shape[0]

    return _per_second(replay_some, seconds)


def _eager_per_second(model: CarriedModel, loaded: CudaModel, precision: Precision, seconds: float) -> float:
    rows = list(islice(cycle(longest_items(model)), EAGER_SIZE))
    path = EagerPath(model, loaded.device, precision, rows)

    def run() -> int:
        path.run(rows)
        return EAGER_SIZE

    run()
    return _per_second(run, seconds)


def _per_second(work: Callable[[], int], seconds: float) -> float:
    began, done = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        done += work()
    return done / passed


async def _product_per_second(stage: DeviceStage, model: CarriedModel, backend: CudaBackend) -> float:
    inference = await stage.inference(model, backend=backend)
    try:
        return await _saturated(inference, model, stage.lengths)
    finally:
        await inference.drain()
        await inference.close()


async def _saturated(inference: Inference, model: CarriedModel, lengths: PhaseLengths) -> float:
    batcher, numbers = inference.batcher(model.card.name), count()
    rows = list(islice(cycle(longest_items(model)), lengths.items_a_call))
    until = time.monotonic() + lengths.throughput_seconds

    async def ask() -> int:
        done = 0
        while time.monotonic() < until:
            context = RequestContext(f"v{next(numbers)}", "live", math.inf)
            done += len(await batcher.submit_many(rows, context))
        return done

    began = time.monotonic()
    done = sum(await asyncio.gather(*(ask() for _ in range(CALLERS))))
    return done / (time.monotonic() - began)
