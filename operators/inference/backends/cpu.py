"""The CPU backend: compiled graphs, in the engine and precision that a measurement on this machine chose."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import torch
from torch import nn

from models.card import Card, Precision
from operators.cpu_clocks import computing_cpu_seconds
from operators.errors import DeviceFault
from operators.inference.backend import BackendConfig, Build, DeviceResult
from operators.inference.backends.cpu_graphs import TorchEngine, batch_of, relative_difference
from operators.inference.backends.graph_engine import Forward, GraphEngine
from operators.inference.backends.openvino_graphs import OpenVinoEngine
from operators.inference.compute_mode import REFERENCE_MODE, ComputeMode, Engine, ModeUnavailable
from operators.inference.graph_cache import CompiledModel, Shape
from operators.inference.mode_chooser import ModeQuestion
from operators.inference.precision import permitted_precisions
from operators.inference.precision_wrapper import PrecisionWrapper, time_batches, to_arrays

logger = logging.getLogger(__name__)

_COMPILE_ERRORS = (RuntimeError, TypeError, ValueError, IndexError)
"""Errors of tracing, fusing and loading a graph; none of them says anything about the model's outputs."""

TIMED_RUNS = 2
"""Runs of each batch size at warm-up; the fastest counts."""

MAX_BATCH_BYTES = 2**20
"""Maximum size of a batch's input: six pictures, sixteen windows of sound. Measured: the cost per item is lowest just
below."""


class CpuBackend:
    """The cores of this machine that are available to the process."""

    name = "cpu"
    num_submitters = 1

    def __init__(self, config: BackendConfig) -> None:
        if config.num_threads < 1:
            raise ValueError(f"num_threads must be at least 1, got {config.num_threads}")
        self._config = config

    def load(self, card: Card, build: Build) -> CpuModel:
        """See `Backend.load`; nothing is built if an earlier process has measured and compiled the model."""
        # Called here and not in the constructor: OpenMP keeps the number per calling thread.
        torch.set_num_threads(self._config.num_threads)
        return CpuModel(card, build, self._choose_mode(card, build), self._config)

    def _choose_mode(self, card: Card, build: Build) -> ComputeMode:
        question = self.mode_question(card, build)
        chooser = self._config.chooser
        chosen = chooser.choose(question) if chooser is not None and len(question.modes) > 1 else None
        return question.modes[0] if chosen is None else chosen

    def mode_question(self, card: Card, build: Build) -> ModeQuestion:
        """Return the modes among which a measurement chooses.

        Raises:
            ModeUnavailable: see `Backend.load`.
        """
        return ModeQuestion(
            card, self._modes(card), self._config.num_threads, lambda mode: CpuModel(card, build, mode, self._config)
        )

    def _modes(self, card: Card) -> tuple[ComputeMode, ...]:
        """Return what may run the model; the first is used without a measurement."""
        offered = self._offered(card)
        all_offered = {precision for precisions in offered.values() for precision in precisions}
        try:
            permitted = permitted_precisions(card, self._config.precision, all_offered)
            modes = self._config.limits.permitted(card, _modes_in(offered, permitted))
        except ModeUnavailable as error:
            raise ModeUnavailable(f"{error}; the CPU probe said: {self._config.cpu_note}") from error
        return modes

    def _offered(self, card: Card) -> dict[Engine, tuple[Precision, ...]]:
        """Return the precisions that each engine computes here; an added model is not converted, see `CpuModel`."""
        torch_precisions: tuple[Precision, ...] = ("float32", "bfloat16") if self._config.cpu_bfloat16 else ("float32",)
        offered: dict[Engine, tuple[Precision, ...]] = {
            "torch": torch_precisions,
            "openvino": self._config.openvino_precisions,
        }
        wanted = "torch" if card.is_added else self._config.engine
        return {engine: each for engine, each in offered.items() if each and wanted in ("auto", engine)}


def _modes_in(offered: Mapping[Engine, Sequence[Precision]], permitted: Sequence[Precision]) -> tuple[ComputeMode, ...]:
    return tuple(
        ComputeMode(engine, precision)
        for engine, precisions in offered.items()
        for precision in permitted
        if precision in precisions
    )


def _engine(mode: ComputeMode, num_threads: int) -> GraphEngine:
    if mode.engine == "openvino":
        return OpenVinoEngine(mode.precision, num_threads)
    return TorchEngine(mode.precision)


class CpuModel:
    """One model on the CPU."""

    def __init__(self, card: Card, build: Build, mode: ComputeMode, config: BackendConfig) -> None:
        self._card = card
        self._build = build
        self._mode = mode
        self._engine = _engine(mode, config.num_threads)
        self._num_threads = config.num_threads
        self._graphs = config.graphs
        self._shapes = cached_shapes(card)
        self._compiled: CompiledModel | None = None
        """None before `compile`, and while the eager module runs."""
        self._forwards: dict[Shape, Forward] = {}
        self._prepared: set[Shape] = set()
        self._is_recalled = False

    @property
    def precision(self) -> Precision:
        """See `LoadedModel.precision`."""
        return self._mode.precision

    @property
    def engine(self) -> Engine:
        """See `LoadedModel.engine`."""
        return self._mode.engine

    def compile(self) -> None:
        """Load what an earlier process compiled, otherwise trace, freeze and fuse the module.

        Where that fails, the eager module runs, and a warning is logged. An added model runs as its card's file says: a
        trace holds the branches that one batch took, and nobody has checked that it has no others.
        """
        if self._card.is_added:
            self._run_eagerly(PrecisionWrapper(self._build(), self.precision))
        elif not self._recall():
            self._compile()

    def _recall(self) -> bool:
        if self._graphs is None:
            return False
        compiled = self._graphs.recall(self._card, self._mode, self._num_threads)
        if compiled is None:
            return False
        try:
            self._take_up(compiled, self._shapes[:1])
        except _COMPILE_ERRORS as error:
            logger.warning("recompiling model %s, cache entry unusable: %s", self._card.name, _reason(error))
            self._graphs.forget(self._card, self._mode, self._num_threads)
            return False
        self._is_recalled = True
        self._drop_archives()
        return True

    def _compile(self) -> None:
        self._is_recalled = False
        trunk = self._engine.trunk(self._build())
        answers = {shape: _eager_answer(trunk, batch_of(self._card, shape)) for shape in self._shapes}
        for way in self._engine.ways:
            try:
                graphs = self._engine.compiled(trunk, self._card, self._shapes, way)
                self._take_up(CompiledModel(way.is_fused, graphs, answers, {}), self._shapes)
            except _COMPILE_ERRORS as error:
                logger.info("model %s is not %s by %s: %s", self._card.name, way, self.engine, _reason(error))
            else:
                return
        logger.warning("model %s runs without compilation: every way to compile it failed", self._card.name)
        self._run_eagerly(trunk)
        if self.engine != "torch":
            self._mode = REFERENCE_MODE  # in which such an engine's module is

    def _run_eagerly(self, trunk: nn.Module) -> None:
        self._compiled, self._forwards, self._prepared = None, dict.fromkeys(self._shapes, trunk), set(self._shapes)

    def _take_up(self, compiled: CompiledModel, shapes: Sequence[Shape]) -> None:
        """Use a compiled model from now on, prepared for some shapes. Raises `_COMPILE_ERRORS`."""
        self._compiled, self._forwards, self._prepared = compiled, self._engine.forwards(compiled), set()
        if set(self._forwards) != set(self._shapes):
            raise ValueError(f"serves batches of {sorted(self._forwards)}, must serve {self._shapes}")
        for shape in shapes:
            self._prepare(compiled, shape)

    def _prepare(self, compiled: CompiledModel, shape: Shape) -> None:
        """Optimise for one shape, and compare with the eager module. Raises `_COMPILE_ERRORS`."""
        answer = self._engine.prepare(self._forwards[shape], batch_of(self._card, shape), compiled.is_fused)
        difference = relative_difference(compiled.answers.get(shape, ()), answer)
        if not difference <= self._engine.tolerance:
            raise ValueError(f"its answers differ by {difference:g}")
        self._prepared.add(shape)

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`; for a cached model, larger sizes are prepared when they are first used."""
        if self._is_recalled and self._compiled is not None:
            return dict(self._compiled.seconds_by_size)
        sizes = sorted({shape[0] for shape in self._forwards})
        seconds_by_size = time_batches(self.run, self._card, sizes, TIMED_RUNS)
        if self._graphs is not None and self._compiled is not None:
            timed = msgspec.structs.replace(self._compiled, seconds_by_size=seconds_by_size)
            self._graphs.keep(self._card, self._mode, self._num_threads, timed)
        self._drop_archives()
        return seconds_by_size

    def _drop_archives(self) -> None:
        """Free the bytes of graphs whose functions contain the weights now."""
        if self._compiled is not None:
            self._compiled = msgspec.structs.replace(self._compiled, graphs=())

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`."""
        if batch.shape not in self._forwards:
            raise DeviceFault(f"model {self._card.name} takes no batch {batch.shape} on the CPU, or is closed")
        if batch.shape not in self._prepared:
            self._prepare_in_use(batch.shape)  # counts as start, not as cost of this batch
        forward = self._forwards[batch.shape]
        started = self._seconds()
        with torch.inference_mode():
            values = to_arrays(forward(torch.from_numpy(batch)))
        return DeviceResult(values, device_seconds=self._seconds() - started)

    def _prepare_in_use(self, shape: Shape) -> None:
        assert self._compiled is not None
        try:
            self._prepare(self._compiled, shape)
        except _COMPILE_ERRORS as error:
            logger.warning("recompiling model %s, cache entry unusable: %s", self._card.name, _reason(error))
            if self._graphs is not None:  # otherwise every later start would load it again
                self._graphs.forget(self._card, self._mode, self._num_threads)
            self._compile()

    def _seconds(self) -> float:
        # CPU time: wall time would include time in which other processes used the core. Several threads are read one by
        # one, because a part of a model may run on one of them alone, and an engine's threads may spin.
        return time.thread_time() if self._num_threads == 1 else computing_cpu_seconds()

    def close(self) -> None:
        """See `LoadedModel.close`."""
        self._compiled, self._forwards, self._prepared = None, {}, set()


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1]


def _eager_answer(trunk: nn.Module, batch: np.ndarray) -> tuple[bytes, ...]:
    with torch.inference_mode():
        return tuple(output.tobytes() for output in to_arrays(trunk(torch.from_numpy(batch))))


def cached_shapes(card: Card) -> tuple[Shape, ...]:
    """Return the shapes of batches that a core's caches hold, the longest items last; larger ones only take longer to
    compile and to run."""
    item_bytes = math.prod(card.input_shape) * np.dtype(card.input_dtype).itemsize
    fitting = tuple(size for size in card.batch_sizes if size * item_bytes <= MAX_BATCH_BYTES)
    return tuple((size, *item) for item in card.item_shapes for size in fitting or card.batch_sizes[:1])
