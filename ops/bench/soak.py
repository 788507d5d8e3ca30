"""Memory of the whole process tree over many videos."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice
from statistics import median
from typing import Any

from msgspec.structs import replace

from ops.bench.competitors import PipelineCompetitor
from ops.bench.options import BenchOptions
from ops.bench.process_tree import tree_pss_bytes
from ops.bench.report import Bound, Figure
from schemas.uploads import VideoUploaded

NUM_VIDEOS = 700
SETTLED_VIDEOS = 200
"""Until then pools fill and allocators reach a steady state."""
CHUNK_VIDEOS = 25
"""Memory is read while the worker is idle between chunks."""
MAX_GROWTH_RATIO = 0.05


def soak_figures(
    pipeline: PipelineCompetitor, uploads: Sequence[VideoUploaded], options: BenchOptions
) -> tuple[tuple[Figure, ...], dict[str, Any]]:
    """Run 700 videos and compare the memory of the last hundred with that after the first two hundred."""
    series: list[dict[str, float]] = []
    for done in range(0, NUM_VIDEOS, CHUNK_VIDEOS):
        chunk = [
            replace(upload, video_id=f"soak{done + place}-{upload.video_id}")
            for place, upload in enumerate(islice(cycle(uploads), done, done + CHUNK_VIDEOS))
        ]
        seconds = pipeline.run(chunk)
        pss_bytes = sum(tree_pss_bytes(meter.pid) for meter in pipeline.meters)
        series.append({"videos": done + len(chunk), "pss_bytes": pss_bytes, "seconds": seconds})
        options.say(f"{done + len(chunk)} videos: {pss_bytes / 2**20:.0f} MiB, {len(chunk) / seconds:.2f} videos/s")
    settled = [entry["pss_bytes"] for entry in series if SETTLED_VIDEOS <= entry["videos"] < SETTLED_VIDEOS + 100]
    last = [entry["pss_bytes"] for entry in series if entry["videos"] > NUM_VIDEOS - 100]
    growth = median(last) / median(settled) - 1
    figures = (
        Figure("memory growth after 200 videos", growth, "ratio", Bound("at most", MAX_GROWTH_RATIO)),
        Figure("memory after 200 videos", median(settled) / 2**20, "MiB"),
        Figure("memory of the last 100 videos", median(last) / 2**20, "MiB"),
        Figure("videos", float(NUM_VIDEOS), "videos"),
    )
    return figures, {pipeline.name: {"series": series}}
