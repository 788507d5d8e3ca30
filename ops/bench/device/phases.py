"""All phases in order, within a budget of time: what was reached is reported, whatever happens later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ops.bench.device.busy import busy_figures
from ops.bench.device.faults import fault_figures
from ops.bench.device.latency import latency_figures
from ops.bench.device.parity import parity_figures
from ops.bench.device.stage import DeviceStage
from ops.bench.device.throughput import throughput_figures
from ops.bench.report import BenchReport, Bound, Figure

ALL_RAN = "phases that ran to their end"


@dataclass(frozen=True, slots=True)
class DevicePhase:
    """A part of the benchmark."""

    name: str
    steps: Sequence[Callable[[], Iterable[Figure]]]
    """Measure one after the other, for example the models; figures of the steps so far are kept."""
    ends_after_seconds: float
    """Of the whole run: no step begins later."""


def phases_of(stage: DeviceStage, fault_child: Sequence[str]) -> tuple[DevicePhase, ...]:
    """Return the phases; each leaves those behind it the time that they need within eight minutes.

    Args:
        stage: of the run.
        fault_child: command of the process whose context breaks.
    """
    models = stage.models
    return (
        DevicePhase("busy", [lambda: asyncio.run(busy_figures(stage))], 60.0),
        DevicePhase("parity", [partial(parity_figures, stage, model) for model in models], 240.0),
        DevicePhase("throughput", [partial(throughput_figures, stage, model) for model in models], 370.0),
        DevicePhase("latency", [lambda: asyncio.run(latency_figures(stage))], 400.0),
        DevicePhase("faults", [lambda: fault_figures(stage, fault_child)], 430.0),
    )


def measure(
    phases: Sequence[DevicePhase],
    facts: dict[str, Any],
    on_report: Callable[[BenchReport], None],
    *,
    remarks: Sequence[str] = (),
    began: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> BenchReport:
    """Run the phases; the report so far is given to `on_report` after each of them.

    Args:
        phases: in order.
        facts: of the machine.
        on_report: gets each report.
        remarks: about the whole run.
        began: when the run began, by the clock; now by default.
        clock: monotonic seconds.
    """
    started, figures, said, num_ended = clock() if began is None else began, list[Figure](), list(remarks), 0
    report = _report(facts, figures, said, num_ended, len(phases))
    for phase in phases:
        trouble = _run(phase, figures, lambda: clock() - started)
        if trouble is None:
            num_ended += 1
        else:
            said.append(f"{phase.name} {trouble}")
        report = _report(facts, figures, said, num_ended, len(phases))
        on_report(report)
    return report


def _run(phase: DevicePhase, figures: list[Figure], passed_seconds: Callable[[], float]) -> str | None:
    """Add the figures of a phase; returns why it did not run to its end, or None if it did."""
    try:
        for number, step in enumerate(phase.steps):
            if passed_seconds() > phase.ends_after_seconds:
                return f"ended after {number} of {len(phase.steps)} steps: {phase.ends_after_seconds:g} s have passed"
            figures.extend(step())
    except Exception as error:
        return f"ended early: {error!r:.500}"
    return None


def _report(
    facts: dict[str, Any], figures: Sequence[Figure], remarks: Sequence[str], num_ended: int, num_phases: int
) -> BenchReport:
    all_ran = Figure(ALL_RAN, float(num_ended), "phases", Bound("at least", float(num_phases)))
    return BenchReport("device", facts, (*figures, all_ran), remarks=tuple(remarks))


def models_remark(stage: DeviceStage) -> str:
    """Return what was measured."""
    random = [f"{model.card.name} ({model.lacks})" for model in stage.models if model.lacks]
    return f"random weights: {', '.join(random) or 'none'}; items of a video: {dict(stage.items_per_video)}"
