"""A separate program, run by `openvino_probe`: computes a little in one precision and compares the values.

The argument is the precision. It crashes if the CPU cannot do what it advertises, exits 1 on wrong values, and
otherwise prints the largest difference.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

import numpy as np

MAX_DIFFERENCE_RATIO = 0.05
"""Of the largest magnitude; bfloat16 keeps 8 bits."""
_HINTS = {"float32": "f32", "bfloat16": "bf16"}


def main(precision: str) -> int:
    """Compute, compare, print the difference; returns the exit status."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is a result, not an error to keep
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # see `silent_openvino`
    import openvino
    from openvino import opset13

    pictures = opset13.parameter([8, 16, 28, 28], np.float32)
    noise = np.random.default_rng(0)
    dense = noise.standard_normal((32, 16, 3, 3)).astype(np.float32)
    matrix = noise.standard_normal((32, 64)).astype(np.float32)
    features = opset13.relu(opset13.convolution(pictures, opset13.constant(dense), [1, 1], [1, 1], [1, 1], [1, 1]))
    pooled = opset13.reduce_mean(features, opset13.constant(np.array([2, 3])), keep_dims=False)
    model = openvino.Model([opset13.matmul(pooled, opset13.constant(matrix), False, False)], [pictures])
    batch = noise.standard_normal((8, 16, 28, 28)).astype(np.float32)
    actual = _computed(openvino, model, batch, _HINTS[precision])
    difference = float(np.abs(actual - _expected(batch, dense, matrix)).max() / np.abs(actual).max())
    if not difference <= MAX_DIFFERENCE_RATIO:
        return 1
    sys.stdout.write(json.dumps(difference))
    return 0


def _computed(openvino: Any, model: Any, batch: np.ndarray, hint: str) -> np.ndarray:
    options = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": 1}
    return np.asarray(openvino.Core().compile_model(model, "CPU", options)([batch])[0])


def _expected(batch: np.ndarray, dense: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    padded = np.pad(batch, ((0, 0), (0, 0), (1, 1), (1, 1)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    features = np.maximum(np.einsum("ncyxij,ocij->noyx", patches, dense, optimize=True), 0)
    expected: np.ndarray = features.mean(axis=(2, 3)) @ matrix
    return expected


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
