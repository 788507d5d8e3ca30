"""The demo's last lines: rates, latencies, batches and what they cost, from verdicts and the worker's metrics."""

from __future__ import annotations

from statistics import quantiles

from ops.cli.demo_view import DemoView
from ops.local.metrics_page import MetricsPage, read_metrics


def summarise(view: DemoView, metrics_port: int, seconds: float) -> list[str]:
    """Lines of the summary."""
    page = read_metrics(metrics_port)
    costs = [outcome.verdict.cost for outcome in view.outcomes()]
    decode = sum(cost.decode_cpu_seconds for cost in costs)
    total = decode + sum(cost.cpu_seconds + cost.device_seconds for cost in costs)
    num_decodes = sum(cost.num_decodes for cost in costs)
    p50, p95 = _percentiles(view.latencies_seconds)
    return [
        f"{view.num_final} videos in {seconds:.1f} s: {view.num_final / seconds:.2f} a second",
        f"upload to verdict: p50 {p50:.1f} s, p95 {p95:.1f} s (all were uploaded at once, so most of it is waiting)",
        f"batches of the image models: {_mean_batch(page)}",
        f"decodes per video: {num_decodes / max(1, len(costs)):.2f}; decoding took {decode / max(total, 1e-9):.0%} "
        "of the processor time",
        f"signals written: {view.num_signals}; ${sum(cost.usd for cost in costs) / max(1, len(costs)):.2e} and "
        f"{sum(cost.joules for cost in costs) / max(1, len(costs)):.1f} J a video by the price table",
    ]


def _mean_batch(page: MetricsPage) -> str:
    items = page.mean("vidsignal_batch_items", model="efficientnet-lite0")
    videos = page.mean("vidsignal_batch_videos", model="efficientnet-lite0")
    return f"{items:.1f} items of {videos:.1f} distinct videos on average"


def _percentiles(values: list[float]) -> tuple[float, float]:
    if len(values) < 2:
        return (values[0], values[0]) if values else (0.0, 0.0)
    cuts = quantiles(values, n=20, method="inclusive")
    return cuts[9], cuts[18]
