"""Compiles a module to graphs that run on a CPU, and loads graphs from bytes.

TorchScript is deprecated, but its successor needs a C++ compiler on the host. The choice is limited to this folder. Its
archives contain a graph and tensors, no Python objects.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from models.card import Card, Precision
from operators.inference.backends.graph_engine import Forward, Way
from operators.inference.graph_cache import CompiledModel, Graph, Shape
from operators.inference.precision_wrapper import PrecisionWrapper, in_channels_last, warm_up_batch

WARM_UP_RUNS = 2
"""The interpreter of traced graphs profiles a shape in its first run and optimises in its second."""


TRACE_TOLERANCE: dict[Precision, float] = {"float32": 1e-3, "bfloat16": 6e-2}
"""Largest permitted difference from the eager module, as a share of the output's largest magnitude. Folding a
normalisation into a convolution only reorders roundings; a shape or branch that tracing fixed causes far larger
differences."""


class TorchEngine:
    """TorchScript, with oneDNN's fuser where it accepts the graph: a third faster than freezing alone."""

    ways = (Way(True, True), Way(True, False), Way(False, True), Way(False, False))

    def __init__(self, precision: Precision) -> None:
        self.tolerance = TRACE_TOLERANCE[precision]
        self._precision = precision

    def trunk(self, module: nn.Module) -> nn.Module:
        """See `GraphEngine.trunk`."""
        return in_channels_last(PrecisionWrapper(module, self._precision))

    def compiled(self, trunk: nn.Module, card: Card, shapes: Sequence[Shape], way: Way) -> tuple[Graph, ...]:
        """See `GraphEngine.compiled`: trace at the largest shape, and freeze."""
        groups = (tuple(shapes),) if way.is_shared else tuple((shape,) for shape in shapes)
        return tuple(Graph(group, save_archive(trunk, torch.from_numpy(batch_of(card, group[-1])))) for group in groups)

    def forwards(self, compiled: CompiledModel) -> dict[Shape, Forward]:
        """See `GraphEngine.forwards`.

        Each shape has a function of its own: the fuser builds its kernels for the first shapes that it gets, and other
        shapes would use the slow path.
        """
        return {shape: forward for graph in compiled.graphs for shape, forward in _forwards(graph).items()}

    def prepare(self, forward: Forward, batch: np.ndarray, is_fused: bool) -> tuple[np.ndarray, ...]:
        """See `GraphEngine.prepare`."""
        with torch.inference_mode(), warnings.catch_warnings(), onednn_fusion(is_fused):
            warnings.simplefilter("ignore")
            for _ in range(WARM_UP_RUNS):
                answer = forward(torch.from_numpy(batch))
        return tuple(output.numpy() for output in answer)


def batch_of(card: Card, shape: Shape) -> np.ndarray:
    """Return the warm-up batch of a shape."""
    return warm_up_batch(card, shape[0], shape[1:])


def save_archive(module: nn.Module, batch: Tensor) -> bytes:
    """Trace and freeze a module, and return the archive."""
    archive = io.BytesIO()
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation, and warnings about branches, which the comparison covers
        traced = torch.jit.trace(module, batch, check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(torch.jit.freeze(traced.eval()), archive)
    return archive.getvalue()


def load_archive(archive: bytes) -> torch.jit.ScriptModule:
    """Load what `save_archive` returned. Raises RuntimeError if it is no archive."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation
        module: torch.jit.ScriptModule = torch.jit.load(io.BytesIO(archive), map_location="cpu")  # type: ignore[no-untyped-call]
    return module


def _forwards(graph: Graph) -> dict[Shape, Forward]:
    loaded = load_archive(graph.code)._c._get_method("forward").graph
    return {shape: _function(loaded.copy()) for shape in graph.shapes}


def _function(graph: torch.Graph) -> Forward:
    graph.eraseInput(0)  # the module itself, which freezing has made unused
    function: Forward = torch._C._create_function_from_graph("forward", graph)
    return function


@contextmanager
def onednn_fusion(is_enabled: bool) -> Iterator[None]:
    """Enable or disable fusion of graphs that are optimised inside; the switch applies to the whole process."""
    before = torch._C._jit_llga_enabled()
    torch.jit.enable_onednn_fusion(is_enabled)
    try:
        yield
    finally:
        torch.jit.enable_onednn_fusion(before)


def relative_difference(expected: tuple[bytes, ...], actual: tuple[np.ndarray, ...]) -> float:
    """Return the largest difference as a share of the output's largest magnitude; infinite if outputs do not
    correspond."""
    if [len(raw) for raw in expected] != [output.nbytes for output in actual]:
        return float("inf")
    pairs = ((np.frombuffer(raw, np.float32), output.ravel()) for raw, output in zip(expected, actual, strict=True))
    return max(float(np.abs(a - b).max() / max(float(np.abs(a).max()), 1e-6)) for a, b in pairs)
