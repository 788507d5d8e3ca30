"""Runs a published TensorFlow.js graph node by node, to compare a module of ours with."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_TYPES = {"float16": np.float16, "float32": np.float32, "int32": np.int32}


class TfjsGraph:
    """One graph with one input.

    Args:
        graph: its JSON file.
        weights: its binary file.
    """

    def __init__(self, graph: Path, weights: Path) -> None:
        model = json.loads(graph.read_text(encoding="utf-8"))
        self._nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
        self._constants = dict(_constants(model["weightsManifest"], weights.read_bytes()))

    def run(self, value: Tensor, outputs: Sequence[str]) -> list[Tensor]:
        """Return some outputs of the graph for one input."""
        values: dict[str, Any] = {**self._constants}
        values |= {name: value for name, node in self._nodes.items() if node["op"] == "Placeholder"}
        return [self._value(name, values) for name in outputs]

    def _value(self, name: str, values: dict[str, Any]) -> Any:
        name, _, part = name.partition(":")
        if name not in values:
            node = self._nodes[name]
            given = [self._value(each, values) for each in node.get("input", [])]
            values[name] = _OPERATORS[node["op"]](given, node.get("attr", {}))
        found = values[name]
        return found[int(part or 0)] if isinstance(found, list) else found


def _constants(manifest: Sequence[Mapping[str, Any]], content: bytes) -> Any:
    begin = 0
    for weight in (weight for group in manifest for weight in group["weights"]):
        dtype = np.dtype(_TYPES[weight.get("quantization", weight)["dtype"]])
        number = int(np.prod(weight["shape"])) if weight["shape"] else 1
        array = np.frombuffer(content, dtype, number, begin).reshape(weight["shape"])
        begin += number * dtype.itemsize
        yield weight["name"], torch.from_numpy(array.astype(_TYPES[weight["dtype"]]))


def _ints(value: Tensor) -> list[int]:
    return [int(each) for each in value.reshape(-1)]


def _pad(given: Sequence[Any], level: float = 0.0) -> Tensor:
    return functional.pad(given[0], _ints(given[1].flip(0)), value=level)


def _windows(attributes: Mapping[str, Any], name: str) -> list[int]:
    return [int(each) for each in attributes[name]["list"]["i"]][1:3]


def _convolve(given: Sequence[Any], attributes: Mapping[str, Any]) -> Tensor:
    assert base64.b64decode(attributes["padding"]["s"]) == b"VALID"
    planes, kernel = given[0].permute(0, 3, 1, 2), given[1].permute(3, 2, 0, 1)
    return functional.conv2d(planes, kernel, stride=_windows(attributes, "strides")).permute(0, 2, 3, 1)


def _pool(given: Sequence[Any], attributes: Mapping[str, Any]) -> Tensor:
    sizes, strides = _windows(attributes, "ksize"), _windows(attributes, "strides")
    return functional.max_pool2d(given[0].permute(0, 3, 1, 2), sizes, strides).permute(0, 2, 3, 1)


def _resize(given: Sequence[Any], attributes: Mapping[str, Any]) -> Tensor:
    assert attributes["half_pixel_centers"]["b"]
    assert not attributes["align_corners"]["b"]
    planes = given[0].permute(0, 3, 1, 2)
    return functional.interpolate(planes, size=_ints(given[1]), mode="bilinear").permute(0, 2, 3, 1)


_OPERATORS: Mapping[str, Callable[[Sequence[Any], Mapping[str, Any]], Any]] = {
    "Add": lambda given, _: given[0] + given[1],
    "AddV2": lambda given, _: given[0] + given[1],
    "ConcatV2": lambda given, _: torch.cat(list(given[:-1]), int(given[-1])),
    "Conv2D": _convolve,
    "Identity": lambda given, _: given[0],
    "LeakyRelu": lambda given, attributes: functional.leaky_relu(given[0], attributes["alpha"]["f"]),
    "MaxPool": _pool,
    "Pad": lambda given, _: _pad(given),
    "PadV2": lambda given, _: _pad(given, float(given[2])),
    "Reshape": lambda given, _: given[0].reshape(_ints(given[1])),
    "ResizeBilinear": _resize,
    "Sigmoid": lambda given, _: given[0].sigmoid(),
    "SparseToDense": lambda given, _: torch.full(_ints(given[1]), int(given[3]), dtype=torch.int32),
    "SplitV": lambda given, _: list(torch.split(given[0], _ints(given[1]), int(given[2]))),
    "Transpose": lambda given, _: given[0].permute(_ints(given[1])),
}
