"""`python -m tests.device_dry_run FOLDER [OUT]`: the benchmark of a device, dry, with all that FOLDER carries.

Everything runs as on a device, in its shortest form, over a stand-in of `torch.cuda`: the models compute on the
processor. Its figures mean nothing; what must hold is that every phase runs to its end, answers agree, and faults are
recognised. It needs what the benchmark needs, and no more.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from operators.inference.backend import BackendConfig
from operators.inference.backends.cuda import CudaBackend, compute_full_float32
from ops.bench.device.__main__ import REPORT, show
from ops.bench.device.carried import CarriedModel, items_per_video, measured_models
from ops.bench.device.faults import break_context
from ops.bench.device.phases import ALL_RAN, measure, models_remark, phases_of
from ops.bench.device.stage import DeviceStage, PhaseLengths
from ops.bench.report import BenchReport
from tests.support.cuda_standin import StandInCuda, accelerator_error

ASSERTION = 710
BREAK_CONTEXT = "--break-context"
BATCH_SIZES = (1, 4)
"""In place of those of cards: each is computed some ten times, on one core."""
MEANINGFUL = ("relative error", "card's tolerance", "is survived", "is lost for its process", ALL_RAN)
"""Parts of the names of figures whose bounds must hold without a device."""
LENGTHS = PhaseLengths(
    compared_items=4,
    throughput_seconds=0.2,
    items_a_call=2,
    busy_seconds=1.0,
    lane_seconds=0.2,
    latency_items=3,
    busy_videos=2,
)


class AssertingCuda(StandInCuda):
    """An index outside of a table is an assertion of a kernel, after which the context is broken."""

    def enqueue(self, work: Callable[[], Any], seconds: float) -> None:
        super().enqueue(lambda: self._asserted(work), seconds)

    def _asserted(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except IndexError as error:
            self.dead = ASSERTION
            raise accelerator_error(ASSERTION) from error


def standin() -> StandInCuda:
    """A device that gains nothing by larger batches than those of cards, which would take minutes here."""
    return AssertingCuda(total_bytes=2**33, seconds_of=lambda rows: 1e-4 * rows)


def _small(model: CarriedModel) -> CarriedModel:
    return replace(model, card=replace(model.card, batch_sizes=BATCH_SIZES))


def dry_stage(models: tuple[CarriedModel, ...], folder: Path, say: Callable[[str], None]) -> DeviceStage:
    """All models of a folder, in the shortest form."""
    return DeviceStage(
        models=models,
        items_per_video=items_per_video(folder, models),
        lengths=LENGTHS,
        open_runtime=standin,
        energy=lambda: None,
        say=say,
    )


def misses(report: BenchReport) -> list[str]:
    """What should have held."""
    return [
        f"{figure.name}: {figure.value:g}"
        for figure in report.figures
        if figure.holds is False and any(part in figure.name for part in MEANINGFUL)
    ]


def main(arguments: list[str]) -> int:
    """Run; 0 if everything that can hold without a device does."""
    if arguments == [BREAK_CONTEXT]:
        return break_context(CudaBackend(BackendConfig(), standin()))
    began = time.monotonic()
    folder, out = Path(arguments[0]), Path(arguments[1] if len(arguments) > 1 else ".")
    out.mkdir(parents=True, exist_ok=True)
    compute_full_float32()

    def say(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:5.0f} s  {line}\n")

    stage = dry_stage(tuple(map(_small, measured_models(folder))), folder, say)
    child = [sys.executable, "-P", "-m", "tests.device_dry_run", BREAK_CONTEXT]
    phases = [replace(phase, ends_after_seconds=math.inf) for phase in phases_of(stage, child)]
    report = measure(
        phases,
        {"device": "none"},
        lambda kept: kept.write(out / REPORT),
        remarks=[models_remark(stage)],
    )
    show(report)
    missed = misses(report)
    say("\n".join(missed) or "everything ran, and what can hold without a device holds")
    return 1 if missed else 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main(sys.argv[1:]))
