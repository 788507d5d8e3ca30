"""An open accelerator: its models, the slots of its threads, and the stream in which everything is computed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Final

import torch

from models.card import Card, Precision
from operators.errors import DeviceLost
from operators.inference.backend import BackendConfig, Build, RunsOnHost
from operators.inference.cuda.batch_slot import DTYPES, BatchSlot
from operators.inference.cuda.device_model import DeviceModel, GraphMaker
from operators.inference.cuda.faults import device_faults
from operators.inference.cuda.memory_budget import MemoryBudget
from operators.inference.cuda.runtime import CudaRuntime
from operators.inference.cuda.size_search import candidates, search_sizes
from operators.inference.graph_cache import Shape
from operators.inference.precision import choose_precision
from operators.inference.precision_wrapper import PrecisionWrapper, in_channels_last

logger = logging.getLogger(__name__)

NAME: Final = "cuda"
"""Of the backend, in logs and metrics."""
MEMORY_RATIO: Final = 0.9
"""Of the device's memory; the rest is for the context, libraries and other processes."""


class CudaDevice:
    """Belongs to one process; its methods may be called on any thread that has claimed it.

    Args:
        runtime: of the device.
        config: of the worker.
    """

    def __init__(self, runtime: CudaRuntime, config: BackendConfig) -> None:
        runtime.claim_thread()
        self.runtime = runtime
        self.compute = runtime.stream()
        self.turn = threading.Lock()
        """Held while a batch is given to `compute`, and while a model is captured there."""
        self._config = config
        self._budget = MemoryBudget(config.device_memory_bytes or int(MEMORY_RATIO * runtime.total_bytes))
        runtime.limit_memory(self._budget.total_bytes)
        self._maker = GraphMaker(runtime, self.compute, _say_eager)
        self._slots = threading.local()
        self._models: dict[str, DeviceModel] = {}
        self._joining = threading.Lock()
        self._sizes: dict[str, tuple[int, ...]] = {}
        """Found by the first search of each model: a renewed model keeps them, because batchers have built on them."""

    def slot(self) -> BatchSlot:
        """Return the slot of the calling thread."""
        if not hasattr(self._slots, "slot"):
            self._slots.slot = BatchSlot(self.runtime)
        slot: BatchSlot = self._slots.slot
        return slot

    def join(self, card: Card, build: Build) -> DeviceModel:
        """Use a model that all threads share; one in which the device failed is not given to another user."""
        with self._joining:
            found = self._models.get(card.name)
            if found is None or found.has_failed:
                found = self._models[card.name] = self._loaded(card, build)
            found.num_users += 1
            return found

    def leave(self, model: DeviceModel) -> None:
        """End one use of a model; the last one frees its memory."""
        with self._joining, device_faults(model.card):
            model.num_users -= 1
            if model.num_users > 0:
                return
            if self._models.get(model.card.name) is model:
                del self._models[model.card.name]
            model.close()
            self.runtime.free_unused()

    def _loaded(self, card: Card, build: Build) -> DeviceModel:
        with self.turn, self.runtime.on(self.compute), torch.inference_mode():
            model = self._placed(card, build)
            try:
                self._fill(model)
            except BaseException:
                model.close()
                raise
            return model

    def _placed(self, card: Card, build: Build) -> DeviceModel:
        """Put weights and input buffers on the device."""
        offered: tuple[Precision, ...] = ("float32", "bfloat16") if self.runtime.offers_bfloat16 else ("float32",)
        precision = choose_precision(card, self._config.precision, offered)
        trunk = in_channels_last(PrecisionWrapper(build(), precision))
        share = self._budget.share()
        largest = self._tried_sizes(card)[-1]
        input_bytes = {shape: largest * _num_bytes(card, shape) for shape in card.item_shapes}
        needed = sum(part.nbytes for part in (*trunk.parameters(), *trunk.buffers())) + sum(input_bytes.values())
        if not share.take(needed):
            raise RunsOnHost(f"model {card.name} needs {needed} bytes on {self.runtime.device}, see its memory budget")
        model = DeviceModel(card, precision, trunk, share)
        try:
            model.trunk = trunk.to(self.runtime.device)
            model.inputs = {shape: self.runtime.empty(num_bytes) for shape, num_bytes in input_bytes.items()}
        except torch.OutOfMemoryError as error:
            model.close()
            raise RunsOnHost(f"model {card.name} does not fit on {self.runtime.device}: {error}") from error
        return model

    def _tried_sizes(self, card: Card) -> tuple[int, ...]:
        return self._sizes.get(card.name) or candidates(card.batch_sizes, _num_bytes(card, card.input_shape))

    def _fill(self, model: DeviceModel) -> None:
        """Make the buckets: sizes by a search with the longest items, then the same sizes for shorter ones."""
        card, refusals = model.card, dict[int, str]()
        seconds = partial(self._seconds, model, refusals)
        if card.name in self._sizes:
            sizes, shapes = self._sizes[card.name], card.item_shapes
        else:
            sizes = tuple(search_sizes(card.batch_sizes, self._tried_sizes(card), partial(seconds, card.input_shape)))
            shapes = card.item_shapes[:-1]
        for item_shape in shapes:
            sizes = tuple(size for size in sizes if seconds(item_shape, size) is not None)
        model.keep(sizes)
        self._report(card, {size: refusals[size] for size in card.batch_sizes if size in refusals})
        if not sizes:
            reasons = "; ".join(dict.fromkeys(refusals.values()))
            raise RunsOnHost(f"model {card.name} has no batch size on {self.runtime.device}: {reasons}")
        self._sizes.setdefault(card.name, sizes)

    def _seconds(self, model: DeviceModel, refusals: dict[int, str], item_shape: Shape, size: int) -> float | None:
        """Make one bucket; returns None, with the reason in `refusals`, if it cannot run here."""
        try:
            with device_faults(model.card):
                seconds = self._maker.make(model, (size, *item_shape), is_of_card=size in model.card.batch_sizes)
        except DeviceLost:
            raise
        except Exception as error:  # no memory, or a module that does not take this size
            refusals[size] = f"{error!r:.300}"
            self.runtime.free_unused()
            return None
        if seconds is None:
            refusals[size] = "beyond the memory budget"
        return seconds

    def _report(self, card: Card, refusals: Mapping[int, str]) -> None:
        for size, reason in refusals.items():
            logger.warning("model %s does not run in batches of %d on cuda: %s", card.name, size, reason)
            self._config.on_refused_bucket(card.name, NAME)


def _num_bytes(card: Card, item_shape: Shape) -> int:
    return int(prod(item_shape) * DTYPES[card.input_dtype].itemsize)


def _say_eager(model: str, reason: Exception) -> None:
    logger.warning("model %s is not captured, the host starts each of its kernels: %.300r", model, reason)
