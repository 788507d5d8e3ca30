"""Where it was measured: versions, settings of precision, and the two ceilings of the device."""

from __future__ import annotations

import os
import platform
import time
from typing import Any, Final

import torch

COPY_BYTES: Final = 2**30
MATRIX_SIDE: Final = 8192
RUNS: Final = 5


def device_facts(index: int = 0) -> dict[str, Any]:
    """Return what identifies the device and the software; measures a copy on it and a product of matrices."""
    properties: Any = torch.cuda.get_device_properties(index)
    return {
        "device": properties.name,
        "memory_bytes": properties.total_memory,
        "multiprocessors": properties.multi_processor_count,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "fp32_precision": _fp32_precision(),
        "copy_bytes_per_second": _copy_bytes_per_second(),
        "bfloat16_flops_per_second": _flops_per_second(torch.bfloat16),
        "float32_flops_per_second": _flops_per_second(torch.float32),
    }


def _fp32_precision() -> dict[str, str]:
    cudnn: Any = torch.backends.cudnn
    settings = {"conv": cudnn.conv, "rnn": cudnn.rnn, "matmul": torch.backends.cuda.matmul}
    return {name: str(setting.fp32_precision) for name, setting in settings.items()}


def _copy_bytes_per_second() -> float:
    """Return bytes read and written per second, of a copy within the device."""
    source = torch.full((COPY_BYTES,), 7, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / _least_seconds(lambda: target.copy_(source))


def _flops_per_second(dtype: torch.dtype) -> float:
    first, second = (torch.randn(MATRIX_SIDE, MATRIX_SIDE, device="cuda").to(dtype) for _ in range(2))
    return 2 * MATRIX_SIDE**3 / _least_seconds(lambda: first @ second)


def _least_seconds(work: Any) -> float:
    found = []
    for _ in range(RUNS):
        torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found)
