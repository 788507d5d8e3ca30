"""Faults: a full device is survived, and a broken context is recognised for what it is, in a process of its own."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from models.card import Card
from models.card_registry import CARDS
from operators.errors import DeviceFault, DeviceFull, DeviceLost
from operators.inference.backend import BackendConfig
from operators.inference.backends.cuda import CudaBackend
from operators.inference.cuda.faults import device_faults
from operators.inference.inference import Inference
from operators.inference.request_context import RequestContext
from ops.bench.device.stage import DeviceStage
from ops.bench.device.throughput import longest_items
from ops.bench.report import Bound, Figure

CHILD_SECONDS = 40.0
YES = Bound("at least", 1.0)


def fault_figures(stage: DeviceStage, child: Sequence[str]) -> list[Figure]:
    """Try both.

    Args:
        stage: of the run.
        child: command of the process whose context breaks; exit code 0: it was recognised.
    """
    stage.say("faults: a full device, then a broken context in another process")
    is_full_survived = asyncio.run(_survives_full(stage))
    found = subprocess.run(child, timeout=CHILD_SECONDS, check=False, env=_with_source_tree())
    return [
        Figure("a full device is survived", float(is_full_survived), "of 1", YES),
        Figure("a broken context is lost for its process", float(found.returncode == 0), "of 1", YES),
    ]


def _with_source_tree() -> dict[str, str]:
    """Let a child import this product where it is not installed."""
    paths = (str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", ""))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


async def _survives_full(stage: DeviceStage) -> bool:
    """Whether more memory than there is is refused, while a model goes on."""
    first = stage.models[0]
    inference = await stage.inference(first)
    try:
        batcher, item = inference.batcher(first.card.name), longest_items(first)[0]
        before = await batcher.submit(item, RequestContext("v", "live", math.inf))
        is_refused = _is_refused(stage, first.card)
        after = await batcher.submit(item, RequestContext("v", "live", math.inf))
        return is_refused and all((a == b).all() for a, b in zip(before.values, after.values, strict=True))
    finally:
        await inference.close()


def _is_refused(stage: DeviceStage, card: Card) -> bool:
    """Allocate more than there is, as a model may that is loaded together with others."""
    runtime = stage.open_runtime()
    runtime.claim_thread()
    try:
        with device_faults(card):
            runtime.empty(2 * runtime.total_bytes)
    except DeviceFull:
        runtime.free_unused()
        return True
    except DeviceFault:
        return False
    return False


def break_context(backend: CudaBackend) -> int:
    """Look up a row that a table does not have, through the product's path; returns 0 if the device is lost for all.

    Assertions of kernels are on in all builds of torch that are published.

    Args:
        backend: of the device, which this process does not use again.
    """
    card = replace(CARDS["all-minilm-l6-v2"], input_shape=(1,), lengths=(), outputs=("row",), batch_sizes=(1, 4))

    async def ask() -> list[object]:
        inference = await Inference.open([card], lambda _card: Table(), backend)
        batcher, context = inference.batcher(card.name), RequestContext("v", "live", math.inf)
        asked = (batcher.submit(np.array([row], dtype=np.int64), context) for row in (1, 10**9, 2))
        found: list[object] = list(await asyncio.gather(*asked, return_exceptions=True))
        later = await asyncio.gather(batcher.submit(np.array([3], dtype=np.int64), context), return_exceptions=True)
        await inference.close()
        return [*found, *later]

    outcomes = asyncio.run(ask())
    print([type(outcome).__name__ for outcome in outcomes], flush=True)
    return 0 if isinstance(outcomes[1], DeviceLost) and isinstance(outcomes[-1], DeviceLost) else 1


class Table(torch.nn.Module):
    """Numbers to the rows of a small table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = torch.nn.Embedding(8, 4)

    def forward(self, numbers: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the row of each number."""
        return (self.rows(numbers[:, 0]),)


if __name__ == "__main__":
    sys.exit(break_context(CudaBackend(BackendConfig())))
