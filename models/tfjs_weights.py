"""Weights of a TensorFlow.js graph: one JSON file with the nodes, and one binary file. No node of the graph runs."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

_DTYPES: Final = {"float16": np.float16, "float32": np.float32, "int32": np.int32}


@dataclass(frozen=True, slots=True)
class TfjsConvolution:
    """One convolution of a graph."""

    weight: Tensor
    """(out, in, height, width) float32."""
    bias: Tensor
    """(out,) float32."""


def read_convolutions(graph: Path, weights: Path) -> list[TfjsConvolution]:
    """Return the convolutions of a graph that each add a bias, in the order of their numbers.

    Raises:
        ValueError: the file with the weights is longer or shorter than the graph says, or a convolution has no bias.
    """
    model = json.loads(graph.read_text(encoding="utf-8"))
    arrays = _arrays(model["weightsManifest"], weights.read_bytes())
    nodes = model["modelTopology"]["node"]
    biases = {name: node["input"][1] for node in nodes if node["op"] == "Add" for name in node["input"][:1]}
    found = sorted((node for node in nodes if node["op"] == "Conv2D"), key=_number)
    missing = [node["name"] for node in found if biases.get(node["name"]) not in arrays]
    if missing:
        raise ValueError(f"{graph.name}: the convolution {missing[0]} adds no bias")
    return [_convolution(arrays[node["input"][1]], arrays[biases[node["name"]]]) for node in found]


def _convolution(kernel: np.ndarray, bias: np.ndarray) -> TfjsConvolution:
    """Of a kernel in TensorFlow's order, (height, width, in, out)."""
    weight = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), dtype=np.float32)
    return TfjsConvolution(torch.from_numpy(weight), torch.from_numpy(bias.astype(np.float32)))


def _number(node: dict[str, Any]) -> int:
    """Of `.../convolution_7`; the first one has none."""
    last = str(node["name"]).rpartition("_")[2]
    return int(last) if last.isdecimal() else 0


def _arrays(manifest: list[dict[str, Any]], content: bytes) -> dict[str, np.ndarray]:
    arrays, begin = {}, 0
    for weight in (weight for group in manifest for weight in group["weights"]):
        dtype = np.dtype(_DTYPES[weight.get("quantization", weight)["dtype"]])
        number = math.prod(weight["shape"])
        if begin + number * dtype.itemsize > len(content):
            break
        arrays[weight["name"]] = np.frombuffer(content, dtype, number, begin).reshape(weight["shape"])
        begin += number * dtype.itemsize
    if begin != len(content):
        raise ValueError(f"the weights have {len(content)} bytes, of which {begin} are named")
    return arrays
