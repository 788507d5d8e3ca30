"""A separate program, run by `cpu_probe`: computes a little in bfloat16, compares the values, and prints the durations.

Arguments are `NAME=VALUE` settings for this process's environment. It crashes if the CPU cannot do what it advertises,
exits 1 on wrong values, and otherwise prints `{"float32_seconds": …, "bfloat16_seconds": …}`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any

MAX_DIFFERENCE_RATIO = 0.05
"""Of the largest magnitude; bfloat16 keeps 8 bits, and sums are computed in float32."""

REPEATS = 5


def main(settings: list[str]) -> int:
    """Apply the settings, compute, print the seconds; returns the exit status."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is a result, not an error to keep
    for setting in settings:
        # putenv and not a Python mapping: oneDNN reads it with getenv, at its first use.
        os.putenv(*setting.split("=", 1))
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, pictures = _network(torch.nn), torch.randn(8, 32, 56, 56)
    # In the memory layout of the backend: in another layout float32 would lose time on reordering.
    network, pictures = (thing.to(memory_format=torch.channels_last) for thing in (network, pictures))
    with torch.inference_mode():
        expected, float32_seconds = _timed(network, pictures)
        actual, bfloat16_seconds = _timed(network.to(torch.bfloat16), pictures.to(torch.bfloat16))
    difference = float((expected - actual.float()).abs().max() / expected.abs().max())
    if not difference <= MAX_DIFFERENCE_RATIO:
        sys.stderr.write(f"bfloat16 differs from float32 by {difference:.3g} of the largest value\n")
        return 1
    sys.stdout.write(json.dumps({"float32_seconds": float32_seconds, "bfloat16_seconds": bfloat16_seconds}))
    return 0


def _network(nn: Any) -> Any:
    """Return the layers of the real models: a dense, a depthwise and a pointwise convolution, and a linear map."""
    return nn.Sequential(
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1, groups=64),
        nn.ReLU(),
        nn.Conv2d(64, 128, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(128, 256),
    ).eval()


def _timed(network: Any, pictures: Any) -> tuple[Any, float]:
    """Return the output and the least CPU seconds of several runs; the first, which prepares kernels, is excluded."""
    answer = network(pictures)
    seconds = []
    for _ in range(REPEATS):
        started = time.thread_time()
        network(pictures)
        seconds.append(time.thread_time() - started)
    return answer, min(seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
