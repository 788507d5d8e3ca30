"""The CPU backend: traced, frozen and channels-last, in bfloat16 where the probe found that it works and pays."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from models.card import Card, Precision
from operators.errors import DeviceFault
from operators.inference.backend import BackendConfig, DeviceResult
from operators.inference.precision import choose_precision
from operators.inference.trunk import Trunk, in_channels_last, time_batches, to_arrays, warm_up_batch

logger = logging.getLogger(__name__)

Forward = Callable[[Tensor], tuple[Tensor, ...]]

WARM_UP_RUNS = 2
"""The interpreter of traced graphs profiles a shape in its first run and optimises in its second."""

TIMED_RUNS = 2
"""Of each batch size at warm-up; the least counts."""

MAX_BATCH_BYTES = 2**20
"""Of a batch's input: six pictures, sixteen windows of sound. Measured: an item costs least just below."""

TRACE_TOLERANCE: dict[Precision, float] = {"float32": 1e-3, "bfloat16": 6e-2}
"""Largest difference to the eager module, as a share of the output's largest magnitude. Folding a normalisation into a
convolution reorders roundings, no more; a shape or a branch baked in by tracing is far outside."""


class CpuBackend:
    """The cores of this machine that the process was given."""

    name = "cpu"

    def __init__(self, config: BackendConfig) -> None:
        if config.num_threads < 1:
            raise ValueError(f"num_threads must be at least 1, got {config.num_threads}")
        self._config = config

    def load(self, card: Card, module: nn.Module) -> CpuModel:
        """See `Backend.load`."""
        # Called here and not at construction: OpenMP keeps the number per calling thread.
        torch.set_num_threads(self._config.num_threads)
        return CpuModel(card, module, self._choose_precision(card), self._config.num_threads)

    def _choose_precision(self, card: Card) -> Precision:
        offered: tuple[Precision, ...] = ("float32", "bfloat16") if self._config.cpu_bfloat16 else ("float32",)
        try:
            return choose_precision(card, self._config.precision, offered)
        except ValueError as error:
            raise ValueError(f"{error}; the CPU probe said: {self._config.cpu_note}") from error


class CpuModel:
    """One model on the CPU."""

    def __init__(self, card: Card, module: nn.Module, precision: Precision, num_threads: int) -> None:
        self._card = card
        self._precision = precision
        self._num_threads = num_threads
        self._trunk = in_channels_last(Trunk(module, precision))
        self._forwards: dict[int, Forward] = dict.fromkeys(cached_sizes(card), self._trunk)

    @property
    def precision(self) -> Precision:
        """See `LoadedModel.precision`."""
        return self._precision

    def compile(self) -> None:
        """Trace, freeze and fuse a graph for every batch size; keep the eager module, and say why, where that fails.

        One graph a size: the fuser builds its kernels for the shapes that it first sees, and other shapes would fall
        back to the slow path.
        """
        # TorchScript is deprecated but compiles without the C++ compiler that its successor needs on the host. The
        # choice stays in this file. oneDNN's fuser wins a third over freezing alone, yet refuses some graphs.
        for is_fused in (True, False):
            try:
                self._forwards = {size: self._traced(size, is_fused=is_fused) for size in self._forwards}
            except (RuntimeError, TypeError, ValueError, IndexError) as error:
                reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
                logger.info("model %s is not %s: %s", self._card.name, "fused" if is_fused else "traced", reason)
            else:
                return
        logger.warning("model %s runs untraced", self._card.name)

    def _traced(self, size: int, *, is_fused: bool) -> Forward:
        batch = torch.from_numpy(warm_up_batch(self._card, size))
        with torch.inference_mode(), warnings.catch_warnings(), _onednn_fusion(is_fused):
            warnings.simplefilter("ignore")  # deprecation, and remarks on branches, which the comparison settles
            traced = torch.jit.freeze(torch.jit.trace(self._trunk, batch, check_trace=False).eval())  # type: ignore[no-untyped-call]
            for _ in range(WARM_UP_RUNS):
                answer = traced(batch)
            difference = _relative_difference(self._trunk(batch), answer)
        if not difference <= TRACE_TOLERANCE[self._precision]:
            raise ValueError(f"its answers differ by {difference:g}")
        return traced  # type: ignore[no-any-return]

    def warm_up(self) -> dict[int, float]:
        """See `LoadedModel.warm_up`."""
        return time_batches(self.run, self._card, self._forwards, TIMED_RUNS)

    def run(self, batch: np.ndarray) -> DeviceResult:
        """See `LoadedModel.run`."""
        if len(batch) not in self._forwards:
            raise DeviceFault(f"model {self._card.name} has no batch size {len(batch)} on the CPU, or is closed")
        forward = self._forwards[len(batch)]
        started = self._seconds()
        with torch.inference_mode():
            values = to_arrays(forward(torch.from_numpy(batch)))
        return DeviceResult(values, device_seconds=self._seconds() - started)

    def _seconds(self) -> float:
        # What the operating system charged this thread; the pool's threads work as long as it does, and wait without
        # spinning. Wall time would charge for neighbours that took the core.
        return time.thread_time() * self._num_threads

    def close(self) -> None:
        """See `LoadedModel.close`."""
        self._forwards = {}
        self._trunk = Trunk(nn.Identity(), "float32")


def cached_sizes(card: Card) -> tuple[int, ...]:
    """Return the card's batch sizes that a core's caches hold; larger ones only take longer to compile and to run."""
    item_bytes = math.prod(card.input_shape) * np.dtype(card.input_dtype).itemsize
    fitting = tuple(size for size in card.batch_sizes if size * item_bytes <= MAX_BATCH_BYTES)
    return fitting or card.batch_sizes[:1]


@contextmanager
def _onednn_fusion(is_enabled: bool) -> Iterator[None]:
    """Let graphs that are optimised inside be fused, or not; the switch is the process's."""
    before = torch._C._jit_llga_enabled()
    torch.jit.enable_onednn_fusion(is_enabled)
    try:
        yield
    finally:
        torch.jit.enable_onednn_fusion(before)


def _relative_difference(expected: tuple[Tensor, ...], actual: tuple[Tensor, ...]) -> float:
    if len(expected) != len(actual) or any(a.shape != b.shape for a, b in zip(expected, actual, strict=True)):
        return float("inf")
    return max(
        float((a - b).abs().max() / a.abs().max().clamp(min=1e-6)) for a, b in zip(expected, actual, strict=True)
    )
