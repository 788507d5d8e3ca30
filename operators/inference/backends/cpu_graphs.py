"""Compiles a module to graphs that run on a CPU, and loads graphs from bytes.

TorchScript is deprecated, but its successor needs a C++ compiler on the host. The choice is limited to this folder. Its
archives contain a graph and tensors, no Python objects.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from models.card import Card
from operators.inference.graph_cache import CompiledModel, Graph
from operators.inference.precision_wrapper import PrecisionWrapper, warm_up_batch

Forward = Callable[[Tensor], tuple[Tensor, ...]]

WARM_UP_RUNS = 2
"""The interpreter of traced graphs profiles a shape in its first run and optimises in its second."""


def compiled_graphs(
    trunk: PrecisionWrapper, card: Card, sizes: tuple[int, ...], *, is_shared: bool
) -> tuple[Graph, ...]:
    """Trace and freeze a module.

    Args:
        trunk: the eager module.
        card: of the model.
        sizes: batch sizes to support, ascending.
        is_shared: one graph for all sizes, traced at the largest, so that the weights exist once; otherwise one per
            size, for modules that use their batch size as a number.

    Raises:
        RuntimeError, TypeError, ValueError, IndexError: the module cannot be traced.
    """
    groups = (sizes,) if is_shared else tuple((size,) for size in sizes)
    return tuple(Graph(group, _archive(trunk, warm_up_batch(card, group[-1]))) for group in groups)


def _archive(trunk: PrecisionWrapper, batch: np.ndarray) -> bytes:
    archive = io.BytesIO()
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation, and warnings about branches, which the comparison covers
        traced = torch.jit.trace(trunk, torch.from_numpy(batch), check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(torch.jit.freeze(traced.eval()), archive)
    return archive.getvalue()


def forwards_of(compiled: CompiledModel) -> dict[int, Forward]:
    """Return a function for each batch size; those of one graph share its weights.

    Each size has a function of its own: the fuser builds its kernels for the first shapes that it gets, and other
    shapes would use the slow path.

    Raises:
        RuntimeError: an archive is no graph.
    """
    return {size: forward for graph in compiled.graphs for size, forward in _forwards(graph).items()}


def _forwards(graph: Graph) -> dict[int, Forward]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation
        module = torch.jit.load(io.BytesIO(graph.code), map_location="cpu")  # type: ignore[no-untyped-call]
    loaded = module._c._get_method("forward").graph
    return {size: _function(loaded.copy()) for size in graph.sizes}


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


def prepare(forward: Forward, batch: np.ndarray, *, is_fused: bool) -> tuple[np.ndarray, ...]:
    """Let a function of `forwards_of` optimise itself for a batch's shape; return its last output.

    Raises:
        RuntimeError: the fuser rejects the graph.
    """
    with torch.inference_mode(), warnings.catch_warnings(), onednn_fusion(is_fused):
        warnings.simplefilter("ignore")
        for _ in range(WARM_UP_RUNS):
            answer = forward(torch.from_numpy(batch))
    return tuple(output.numpy() for output in answer)


def relative_difference(expected: tuple[bytes, ...], actual: tuple[np.ndarray, ...]) -> float:
    """Return the largest difference as a share of the output's largest magnitude; infinite if outputs do not
    correspond."""
    if [len(raw) for raw in expected] != [output.nbytes for output in actual]:
        return float("inf")
    pairs = ((np.frombuffer(raw, np.float32), output.ravel()) for raw, output in zip(expected, actual, strict=True))
    return max(float(np.abs(a - b).max() / max(float(np.abs(a).max()), 1e-6)) for a, b in pairs)
