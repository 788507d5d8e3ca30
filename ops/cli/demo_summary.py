"""The demo's summary: rates, latencies, batches and cost, from verdicts and the worker's metrics."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import quantiles

from models.card_registry import card_of_use
from ops.cli.demo_view import DemoView
from ops.local.metrics_page import MetricsPage, read_metrics
from schemas.counted import counted
from schemas.receipts import CPU_STAGES, CpuStage
from streams.costs.cpu_account import PROCESS_STAGES


def summarise(view: DemoView, metrics_port: int, seconds: float) -> list[str]:
    """Return the lines of the summary."""
    page = read_metrics(metrics_port)
    costs = [outcome.verdict.cost for outcome in view.outcomes()]
    stages = {stage: sum(cost.cpu_seconds_by_stage.get(stage, 0.0) for cost in costs) for stage in CPU_STAGES}
    meters = "by the price table" if any(cost.is_modelled for cost in costs) else "by meters"
    num_decodes = sum(cost.num_decodes for cost in costs)
    p50, p95 = _percentiles(view.latencies_seconds)
    return [
        f"{counted(view.num_final, 'video')} in {seconds:.1f} s: {view.num_final / seconds:.2f} a second",
        f"upload to verdict: p50 {p50:.1f} s, p95 {p95:.1f} s (all were uploaded at once, so most of it is waiting)",
        f"batches of the image models: {_mean_batch(page)}",
        f"decodes per video: {num_decodes / max(1, len(costs)):.2f}",
        f"processor time on receipts: {_shares(stages)}",
        f"processor time of the worker: {_worker_cpu(page, sum(stages.values()))}",
        f"signals written: {view.num_signals}; ${sum(cost.usd for cost in costs) / max(1, len(costs)):.2e} and "
        f"{sum(cost.joules for cost in costs) / max(1, len(costs)):.1f} J a video {meters}",
    ]


def _shares(stages: Mapping[CpuStage, float]) -> str:
    total = sum(stages.values())
    told = ", ".join(f"{stage} {seconds / total:.0%}" for stage, seconds in stages.items() if seconds >= 0.005 * total)
    return f"{total:.2f} s: {told}" if total else "none"


def _worker_cpu(page: MetricsPage, on_receipts_seconds: float) -> str:
    """CPU seconds of the worker and its decoders by the kernel's count, and the share of them that receipts contain."""
    stages = {stage: page.total("vidsignal_cpu_seconds_total", stage=stage) for stage in PROCESS_STAGES}
    startup, idle = stages["startup"], stages["idle"]
    run = sum(stages.values()) - startup - idle
    share = f"{on_receipts_seconds / run:.0%}" if run else "none"
    return f"{run:.2f} s, {share} of it on receipts; in addition {startup:.1f} s to start and {idle:.1f} s idle"


def _mean_batch(page: MetricsPage) -> str:
    model = card_of_use("image-classes").name
    items, videos = (page.mean(f"vidsignal_batch_{what}", model=model) for what in ("items", "videos"))
    return f"{items:.1f} items of {videos:.1f} distinct videos on average"


def _percentiles(values: list[float]) -> tuple[float, float]:
    if len(values) < 2:
        return (values[0], values[0]) if values else (0.0, 0.0)
    cuts = quantiles(values, n=20, method="inclusive")
    return cuts[9], cuts[18]
