"""All benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ops.bench.engagement import bench_engagement
from ops.bench.engines.bench import bench_engines
from ops.bench.inference.bench import bench_inference
from ops.bench.load.bench import bench_load
from ops.bench.near_duplicates import bench_near_duplicates
from ops.bench.observing import bench_observing
from ops.bench.options import BenchOptions
from ops.bench.pipeline import bench_pipeline
from ops.bench.priority_classes import bench_priority_classes
from ops.bench.recovery import bench_recovery
from ops.bench.report import BenchReport
from ops.bench.servers.bench import bench_servers
from ops.bench.sources import bench_sources

BENCHES: Final[dict[str, Callable[[BenchOptions], BenchReport]]] = {
    "pipeline": bench_pipeline,
    "sources": bench_sources,
    "lanes": bench_priority_classes,
    "engagement": bench_engagement,
    "near-duplicates": bench_near_duplicates,
    "observing": bench_observing,
    "recovery": bench_recovery,
    "inference": bench_inference,
    "engines": bench_engines,
    "load": bench_load,
    "servers": bench_servers,
}
"""By the name on the command line."""

__all__ = ["BENCHES", "BenchOptions"]
