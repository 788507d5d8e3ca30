"""The optional engine OpenVINO (`pip install 'vidsignal[openvino]'`): converts torch modules directly, without a file
format in between and without a compiler on the host.

This file imports OpenVINO when a model is compiled or loaded, not before.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from models.card import Card, Precision
from operators.inference.backends.cpu_graphs import batch_of, load_archive, save_archive
from operators.inference.backends.graph_engine import Forward, Way
from operators.inference.graph_cache import CompiledModel, Graph, Shape
from operators.inference.precision_wrapper import PrecisionWrapper
from operators.inference.silent_openvino import kept_log_level, openvino_module

if TYPE_CHECKING:
    import openvino

_PRECISION_HINTS: Final[dict[Precision, str]] = {"float32": "f32", "bfloat16": "bf16"}

TOLERANCE: Final[dict[Precision, float]] = {"float32": 1e-3, "bfloat16": 0.25}
"""Largest permitted difference from the eager module in float32 on noise, as a share of the output's largest magnitude.
It finds wrong graphs; what a precision may change is on the cards, and is judged on real inputs."""


class _Parts(msgspec.Struct, frozen=True, array_like=True):
    """A graph in bytes."""

    front: bytes
    """An archive of TorchScript: the part that always runs in torch; empty without one."""
    network: bytes
    """What `CompiledModel.export_model` of OpenVINO returned."""


class OpenVinoEngine:
    """OpenVINO in one precision.

    Of a module with `front_and_network()` the front, such as a spectrogram, stays in torch.
    """

    ways = (Way(is_fused=True, is_shared=True), Way(is_fused=True, is_shared=False))

    def __init__(self, precision: Precision, num_threads: int) -> None:
        self.tolerance = TOLERANCE[precision]
        self._options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[precision],
            "INFERENCE_NUM_THREADS": num_threads,
            "NUM_STREAMS": 1,  # the calling thread takes an equal part, and the cost is read from its clock
            "ENABLE_CPU_PINNING": False,  # decoder processes use the same cores
        }

    def trunk(self, module: nn.Module) -> nn.Module:
        """See `GraphEngine.trunk`: float32, as the engine itself reduces the precision."""
        return PrecisionWrapper(module, "float32")

    def compiled(self, trunk: nn.Module, card: Card, shapes: Sequence[Shape], way: Way) -> tuple[Graph, ...]:
        """See `GraphEngine.compiled`: an axis on which the shapes differ is of any length in the graph."""
        groups = (tuple(shapes),) if way.is_shared else tuple((shape,) for shape in shapes)
        return tuple(Graph(group, msgspec.msgpack.encode(self._parts(trunk, card, group))) for group in groups)

    def _parts(self, trunk: nn.Module, card: Card, shapes: Sequence[Shape]) -> _Parts:
        batches = [torch.from_numpy(batch_of(card, shape)) for shape in (shapes[0], shapes[-1])]
        split = getattr(trunk.module, "front_and_network", None)
        if split is None:
            return _Parts(b"", self._network(trunk, batches))
        front, network = split()
        with torch.inference_mode():
            between = [front(batch) for batch in batches]
        return _Parts(save_archive(front, batches[-1]), self._network(PrecisionWrapper(network, "float32"), between))

    def _network(self, module: nn.Module, inputs: Sequence[Tensor]) -> bytes:
        openvino = openvino_module()
        lengths = zip(inputs[0].shape, inputs[-1].shape, strict=True)
        shape = [length if length == other else -1 for length, other in lengths]
        with torch.inference_mode(), warnings.catch_warnings(), kept_log_level():
            warnings.simplefilter("ignore")  # of the tracing inside, as for torch's own graphs
            model = openvino.convert_model(module, example_input=inputs[-1].clone(), input=[shape])
        exported: io.BytesIO = openvino.Core().compile_model(model, "CPU", self._options).export_model()
        return exported.getvalue()

    def forwards(self, compiled: CompiledModel) -> dict[Shape, Forward]:
        """See `GraphEngine.forwards`."""
        return {shape: forward for graph in compiled.graphs for shape, forward in self._forwards(graph).items()}

    def _forwards(self, graph: Graph) -> dict[Shape, Forward]:
        openvino = openvino_module()
        try:
            parts = msgspec.msgpack.decode(graph.code, type=_Parts)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no graph of OpenVINO: {error}") from error
        front = load_archive(parts.front) if parts.front else None
        network = openvino.Core().import_model(io.BytesIO(parts.network), "CPU", self._options)
        return {shape: _Forward(front, network.create_infer_request()) for shape in graph.shapes}

    def prepare(
        self,
        forward: Forward,
        batch: np.ndarray,
        is_fused: bool,  # noqa: ARG002 - it always fuses
    ) -> tuple[np.ndarray, ...]:
        """See `GraphEngine.prepare`: the first run of a shape selects its kernels."""
        with torch.inference_mode():
            return tuple(output.numpy() for output in forward(torch.from_numpy(batch)))


class _Forward:
    """A compiled network for one shape, after the part in torch."""

    def __init__(self, front: nn.Module | None, request: openvino.InferRequest) -> None:
        self._front = front
        self._request = request

    def __call__(self, batch: Tensor) -> tuple[Tensor, ...]:
        values = batch if self._front is None else self._front(batch)
        answers = self._request.infer([values.numpy()], share_inputs=True)
        return tuple(torch.from_numpy(answers[index]) for index in range(len(answers)))
