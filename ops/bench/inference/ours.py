"""Vidsignal's own batcher, in the process of its callers."""

from __future__ import annotations

import math
from itertools import count
from typing import Any

import numpy as np

from operators.inference.cpu_probe import CpuCapabilities
from operators.inference.inference import Inference
from operators.inference.observer import BatchRun
from operators.inference.request_context import Lane, ModelOutput, RequestContext
from ops.bench.inference.benched_model import BenchedModel, build_module, open_cpu_backend
from streams.config.settings import Settings

NUM_VIDEOS = 8
"""Videos in flight, as in a worker."""


class PaddingCount:
    """Counts batches, items and padded rows."""

    def __init__(self) -> None:
        self.batches = self.items = self.padded_rows = 0

    def batch_ran(self, run: BatchRun) -> None:
        """See `InferenceObserver.batch_ran`."""
        self.batches += 1
        self.items += run.items
        self.padded_rows += run.padded_slots

    def runner_renewed(self, model: str) -> None:
        """Do nothing."""


class VidsignalBatcher:
    """One open model behind the batcher."""

    def __init__(self, settings: Settings, capabilities: CpuCapabilities, benched: BenchedModel) -> None:
        self._settings = settings
        self._capabilities = capabilities
        self._benched = benched
        self._padding = PaddingCount()
        self._numbers = count()
        self.sizes: tuple[int, ...] = ()

    async def open(self) -> None:
        """See `BatchingCompetitor.open`."""
        card = self._benched.card
        self._inference = await Inference.open(
            [card],
            lambda _card: build_module(self._settings, self._benched),
            open_cpu_backend(self._settings, self._capabilities, self._benched),
            observer=self._padding,
        )
        self._batcher = self._inference.batcher(card.name)
        self.sizes = self._batcher.batch_sizes

    async def ask(self, item: np.ndarray, lane: Lane = "live") -> ModelOutput:
        """See `BatchingCompetitor.ask`."""
        video_id = f"{lane}-{next(self._numbers) % NUM_VIDEOS}"
        return await self._batcher.submit(item, RequestContext(video_id, lane, math.inf))

    async def ask_many(self, items: list[np.ndarray], lane: Lane) -> list[ModelOutput]:
        """Submit the items of one video."""
        context = RequestContext(f"{lane}-{next(self._numbers)}", lane, math.inf)
        return await self._batcher.submit_many(items, context)

    def counts(self) -> dict[str, Any]:
        """See `BatchingCompetitor.counts`."""
        return {
            "batches": self._padding.batches,
            "items_run": self._padding.items,
            "padded_rows": self._padding.padded_rows,
        }

    async def close(self) -> None:
        """See `BatchingCompetitor.close`."""
        await self._inference.close()
