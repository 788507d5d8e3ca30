"""All phases in order, within a budget of time: what was reached is reported, whatever happens later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ops.bench.device.busy import busy_figures
from ops.bench.device.faults import fault_figures
from ops.bench.device.latency import latency_figures
from ops.bench.device.parity import parity_figures
from ops.bench.device.stage import DeviceStage
from ops.bench.device.throughput import throughput_figures
from ops.bench.report import BenchReport, Bound, Figure

BUDGET_SECONDS = 480.0
"""A phase does not begin later than this; the longest takes two minutes."""
ALL_RAN = "phases that ran to their end"


def measure(
    stage: DeviceStage, facts: dict[str, Any], fault_child: Sequence[str], on_report: Callable[[BenchReport], None]
) -> BenchReport:
    """Run the phases; the report so far is given to `on_report` after each of them."""
    phases: dict[str, Callable[[], Iterable[Figure]]] = {
        "busy": lambda: asyncio.run(busy_figures(stage)),
        "parity": lambda: parity_figures(stage),
        "throughput": lambda: throughput_figures(stage),
        "latency": lambda: asyncio.run(latency_figures(stage)),
        "faults": lambda: fault_figures(stage, fault_child),
    }
    began, figures, remarks = time.monotonic(), list[Figure](), [_models_remark(stage)]
    num_ended = 0
    for name, phase in phases.items():
        if time.monotonic() - began > BUDGET_SECONDS:
            remarks.append(f"{name} did not begin: {BUDGET_SECONDS:g} s have passed")
            continue
        try:
            figures.extend(phase())
            num_ended += 1
        except Exception as error:
            remarks.append(f"{name} ended early: {error!r:.500}")
        report = _report(facts, figures, remarks, num_ended, len(phases))
        on_report(report)
    return _report(facts, figures, remarks, num_ended, len(phases))


def _report(
    facts: dict[str, Any], figures: Sequence[Figure], remarks: Sequence[str], num_ended: int, num_phases: int
) -> BenchReport:
    all_ran = Figure(ALL_RAN, float(num_ended), "phases", Bound("at least", float(num_phases)))
    return BenchReport("device", facts, (*figures, all_ran), remarks=tuple(remarks))


def _models_remark(stage: DeviceStage) -> str:
    random = [model.card.name for model in stage.models if not model.has_weights]
    return f"random weights: {', '.join(random) or 'none'}; items of a video: {dict(stage.items_per_video)}"
