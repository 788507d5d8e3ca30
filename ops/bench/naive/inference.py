"""The same models called one item at a time in float32, uncompiled, on the calling thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from models.card_registry import CARDS
from models.loaders import load_module
from operators.inference.request_context import ModelOutput, RequestContext
from streams.analysis.agents.analysis import Result


class NaiveBatcher:
    """Has the interface of `Batcher`; a batch is one item."""

    def __init__(self, name: str, cache_dir: Path) -> None:
        self._module = load_module(CARDS[name], cache_dir)

    async def submit(self, item: np.ndarray, context: RequestContext) -> ModelOutput:
        """Compute one item, now."""
        del context
        began = time.thread_time()
        with torch.inference_mode():
            outputs = self._module(torch.from_numpy(item[None]))
        values = tuple(output.numpy()[0] for output in outputs)
        return ModelOutput(values, time.thread_time() - began, batch_items=1, batch_videos=1)

    async def submit_many(self, items: Sequence[np.ndarray], context: RequestContext) -> list[ModelOutput]:
        """Compute one after the other."""
        return [await self.submit(item, context) for item in items]


class NaiveInference:
    """Has the interface of `Inference`."""

    def __init__(self, cache_dir: Path) -> None:
        self._batchers = {name: NaiveBatcher(name, cache_dir) for name, card in CARDS.items() if card.batch_sizes}

    def batcher(self, model: str) -> NaiveBatcher:
        """The model of that name."""
        return self._batchers[model]


class NaiveHost:
    """Has the interface of `HostThreads`; works on the event loop."""

    async def run(self, work: Callable[[], Result]) -> tuple[Result, float]:
        """Compute now."""
        began = time.thread_time()
        return work(), time.thread_time() - began
