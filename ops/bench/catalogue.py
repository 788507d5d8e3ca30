"""The benchmarks that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ops.bench.options import BenchOptions
from ops.bench.pipeline import bench_pipeline
from ops.bench.report import BenchReport

BENCHES: Final[dict[str, Callable[[BenchOptions], BenchReport]]] = {"pipeline": bench_pipeline}
"""By the name on the command line."""

__all__ = ["BENCHES", "BenchOptions"]
