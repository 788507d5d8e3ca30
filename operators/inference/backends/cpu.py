"""The CPU backend: traced, frozen and channels-last, in bfloat16 if the probe found it correct and faster."""

from __future__ import annotations

import logging
import math
import time

import msgspec
import numpy as np
import torch
from torch import nn

from models.card import Card, Precision
from operators.errors import DeviceFault
from operators.inference.backend import BackendConfig, Build, DeviceResult
from operators.inference.backends.cpu_graphs import (
    Forward,
    compiled_graphs,
    forwards_of,
    prepare,
    relative_difference,
)
from operators.inference.graph_cache import CompiledModel
from operators.inference.precision import choose_precision
from operators.inference.precision_wrapper import (
    PrecisionWrapper,
    in_channels_last,
    time_batches,
    to_arrays,
    warm_up_batch,
)

logger = logging.getLogger(__name__)

_COMPILE_ERRORS = (RuntimeError, TypeError, ValueError, IndexError)
"""Errors of tracing, fusing and loading a graph; none of them says anything about the model's outputs."""

TIMED_RUNS = 2
"""Runs of each batch size at warm-up; the fastest counts."""

MAX_BATCH_BYTES = 2**20
"""Maximum size of a batch's input: six pictures, sixteen windows of sound. Measured: the cost per item is lowest just
below."""

TRACE_TOLERANCE: dict[Precision, float] = {"float32": 1e-3, "bfloat16": 6e-2}
"""Largest permitted difference from the eager module, as a share of the output's largest magnitude. Folding a
normalisation into a convolution only reorders roundings; a shape or branch that tracing fixed causes far larger
differences."""


class CpuBackend:
    """The cores of this machine that are available to the process."""

    name = "cpu"

    def __init__(self, config: BackendConfig) -> None:
        if config.num_threads < 1:
            raise ValueError(f"num_threads must be at least 1, got {config.num_threads}")
        self._config = config

    def load(self, card: Card, build: Build) -> CpuModel:
        """See `Backend.load`; nothing is built if an earlier process has compiled the model."""
        # Called here and not in the constructor: OpenMP keeps the number per calling thread.
        torch.set_num_threads(self._config.num_threads)
        return CpuModel(card, build, self._choose_precision(card), self._config)

    def _choose_precision(self, card: Card) -> Precision:
        offered: tuple[Precision, ...] = ("float32", "bfloat16") if self._config.cpu_bfloat16 else ("float32",)
        try:
            return choose_precision(card, self._config.precision, offered)
        except ValueError as error:
            raise ValueError(f"{error}; the CPU probe said: {self._config.cpu_note}") from error


class CpuModel:
    """One model on the CPU."""

    def __init__(self, card: Card, build: Build, precision: Precision, config: BackendConfig) -> None:
        self._card = card
        self._build = build
        self._precision = precision
        self._num_threads = config.num_threads
        self._graphs = config.graphs
        self._sizes = cached_sizes(card)
        self._compiled: CompiledModel | None = None
        """None before `compile`, and while the eager module runs."""
        self._forwards: dict[int, Forward] = {}
        self._prepared: set[int] = set()
        self._is_recalled = False

    @property
    def precision(self) -> Precision:
        """See `LoadedModel.precision`."""
        return self._precision

    def compile(self) -> None:
        """Load what an earlier process compiled, otherwise trace, freeze and fuse the module.

        The eager module runs, and a warning says so, where that fails. An added model runs as its card's file says: a
        trace holds the branches that one batch took, and nobody has checked that it has no others.
        """
        if self._card.is_added:
            self._run_eagerly(PrecisionWrapper(self._build(), self._precision))
        elif not self._recall():
            self._compile()

    def _recall(self) -> bool:
        if self._graphs is None:
            return False
        compiled = self._graphs.recall(self._card, self._precision, self._num_threads)
        if compiled is None:
            return False
        try:
            self._take_up(compiled, self._sizes[:1])
        except _COMPILE_ERRORS as error:
            logger.warning("recompiling model %s, cache entry unusable: %s", self._card.name, _reason(error))
            self._graphs.forget(self._card, self._precision, self._num_threads)
            return False
        self._is_recalled = True
        self._drop_archives()
        return True

    def _compile(self) -> None:
        self._is_recalled = False
        trunk = PrecisionWrapper(self._build(), self._precision)
        in_channels_last(trunk)
        answers = {size: _eager_answer(trunk, warm_up_batch(self._card, size)) for size in self._sizes}
        # oneDNN's fuser is a third faster than freezing alone, but rejects some graphs.
        for is_fused, is_shared in ((True, True), (True, False), (False, True), (False, False)):
            try:
                graphs = compiled_graphs(trunk, self._card, self._sizes, is_shared=is_shared)
                self._take_up(CompiledModel(is_fused, graphs, answers, {}), self._sizes)
            except _COMPILE_ERRORS as error:
                way = f"{'fused' if is_fused else 'traced'} with {'one graph' if is_shared else 'a graph a size'}"
                logger.info("model %s is not %s: %s", self._card.name, way, _reason(error))
            else:
                return
        logger.warning("model %s runs without compilation: every way to compile it failed", self._card.name)
        self._run_eagerly(trunk)

    def _run_eagerly(self, trunk: nn.Module) -> None:
        self._compiled, self._forwards, self._prepared = None, dict.fromkeys(self._sizes, trunk), set(self._sizes)

    def _take_up(self, compiled: CompiledModel, sizes: tuple[int, ...]) -> None:
        """Use a compiled model from now on, prepared for some sizes. Raises `_COMPILE_ERRORS`."""
        self._compiled, self._forwards, self._prepared = compiled, forwards_of(compiled), set()
        if set(self._forwards) != set(self._sizes):
            raise ValueError(f"serves batch sizes {sorted(self._forwards)}, must serve {self._sizes}")
        for size in sizes:
            self._prepare(compiled, size)

    def _prepare(self, compiled: CompiledModel, size: int) -> None:
        """Optimise for one size, and compare with the eager module. Raises `_COMPILE_ERRORS`."""
        batch = warm_up_batch(self._card, size)
        answer = prepare(self._forwards[size], batch, is_fused=compiled.is_fused)
        difference = relative_difference(compiled.answers.get(size, ()), answer)
        if not difference <= TRACE_TOLERANCE[self._precision]:
            raise ValueError(f"its answers differ by {difference:g}")
        self._prepared.add(size)

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`; for a cached model, larger sizes are prepared when they are first used."""
        if self._is_recalled and self._compiled is not None:
            return dict(self._compiled.seconds_by_size)
        seconds_by_size = time_batches(self.run, self._card, self._forwards, TIMED_RUNS)
        if self._graphs is not None and self._compiled is not None:
            timed = msgspec.structs.replace(self._compiled, seconds_by_size=seconds_by_size)
            self._graphs.keep(self._card, self._precision, self._num_threads, timed)
        self._drop_archives()
        return seconds_by_size

    def _drop_archives(self) -> None:
        """Free the bytes of graphs whose functions contain the weights now."""
        if self._compiled is not None:
            self._compiled = msgspec.structs.replace(self._compiled, graphs=())

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`."""
        if len(batch) not in self._forwards:
            raise DeviceFault(f"model {self._card.name} has no batch size {len(batch)} on the CPU, or is closed")
        if len(batch) not in self._prepared:
            self._prepare_in_use(len(batch))  # counts as start, not as cost of this batch
        forward = self._forwards[len(batch)]
        started = self._seconds()
        with torch.inference_mode():
            values = to_arrays(forward(torch.from_numpy(batch)))
        return DeviceResult(values, device_seconds=self._seconds() - started)

    def _prepare_in_use(self, size: int) -> None:
        assert self._compiled is not None
        try:
            self._prepare(self._compiled, size)
        except _COMPILE_ERRORS as error:
            logger.warning("recompiling model %s, cache entry unusable: %s", self._card.name, _reason(error))
            if self._graphs is not None:  # otherwise every later start would load it again
                self._graphs.forget(self._card, self._precision, self._num_threads)
            self._compile()

    def _seconds(self) -> float:
        # The CPU time of this thread; the pool's threads work equally long, and wait without spinning. Wall time would
        # include time in which other processes used the core.
        return time.thread_time() * self._num_threads

    def close(self) -> None:
        """See `LoadedModel.close`."""
        self._compiled, self._forwards, self._prepared = None, {}, set()


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1]


def _eager_answer(trunk: nn.Module, batch: np.ndarray) -> tuple[bytes, ...]:
    with torch.inference_mode():
        return tuple(output.tobytes() for output in to_arrays(trunk(torch.from_numpy(batch))))


def cached_sizes(card: Card) -> tuple[int, ...]:
    """Return the card's batch sizes that a core's caches hold; larger ones only take longer to compile and to run."""
    item_bytes = math.prod(card.input_shape) * np.dtype(card.input_dtype).itemsize
    fitting = tuple(size for size in card.batch_sizes if size * item_bytes <= MAX_BATCH_BYTES)
    return fitting or card.batch_sizes[:1]
