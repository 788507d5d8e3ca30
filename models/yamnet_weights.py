"""Reads YAMNet's float32 weights from an ONNX archive; nothing in it is executed.

The archive is a quantised export: every weight is stored in float32 and passes a quantise and a dequantise node before
its layer. The weights are taken from before those nodes.
"""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import onnx

Layer = tuple[np.ndarray, np.ndarray]
"""Weight and bias, float32."""


class _Initializers:
    """The stored tensors of a graph whose bytes are in separate files."""

    def __init__(self, graph: onnx.GraphProto, files: dict[str, bytes]) -> None:
        self._files = files
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._inputs = {node.output[0]: node.input[0] for node in graph.node}

    def array(self, name: str) -> np.ndarray:
        """Return the tensor behind a layer's input, past any quantise and dequantise nodes."""
        while name not in self._tensors:
            name = self._inputs[name]
        tensor = self._tensors[name]
        if tensor.data_type != onnx.TensorProto.FLOAT:
            raise ValueError(f"tensor {name} has ONNX type {tensor.data_type}, must be FLOAT")
        return self._stored(tensor)

    def _stored(self, tensor: onnx.TensorProto) -> np.ndarray:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            return onnx.numpy_helper.to_array(tensor)
        place = {entry.key: entry.value for entry in tensor.external_data}
        first = int(place.get("offset", 0))
        raw = self._files[place["location"]][first : first + int(place["length"])]
        return np.frombuffer(raw, dtype="<f4").reshape(tuple(tensor.dims))


def read_layers(archive: Path) -> list[Layer]:
    """Return weights and biases of all convolutions and, last, the classifier, in the order of application."""
    with zipfile.ZipFile(archive) as opened:
        files = {PurePosixPath(name).name: opened.read(name) for name in opened.namelist() if name[-1] != "/"}
    graph = onnx.load_model_from_string(files["model.onnx"]).graph
    initializers = _Initializers(graph, files)
    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    return [(initializers.array(node.input[1]), initializers.array(node.input[2])) for node in layers]
