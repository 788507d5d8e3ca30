"""`python3 -m ops.bench.device FOLDER [OUT]`: measure the CUDA device of this machine with what FOLDER carries.

Exit code 0: every bound holds; 1: one does not; 77: there is no device, unless VIDSIGNAL_REQUIRE_CUDA=1 demands one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ops.bench.device.stage import DeviceStage
    from ops.bench.report import BenchReport

NO_DEVICE: Final = 77
REPORT: Final = "device.json"


def main(arguments: list[str]) -> int:
    """Run; returns the exit code."""
    import torch

    folder = Path(arguments[0])
    out = Path(arguments[1]) if len(arguments) > 1 else Path()
    out.mkdir(parents=True, exist_ok=True)
    if not torch.cuda.is_available():
        print("NOT MEASURED: this machine has no CUDA device", file=sys.stderr)
        return 1 if os.environ.get("VIDSIGNAL_REQUIRE_CUDA") == "1" else NO_DEVICE

    from operators.inference.backends.cuda import compute_full_float32
    from ops.bench.device.facts import device_facts
    from ops.bench.device.phases import measure, models_remark, phases_of

    began = time.monotonic()
    compute_full_float32()
    facts = device_facts()
    print(json.dumps(facts), file=sys.stderr, flush=True)
    child = [sys.executable, "-P", "-m", "ops.bench.device.faults"]

    def keep(report: BenchReport) -> None:
        report.write(out / REPORT)

    stage = _stage(folder, began)
    report = measure(phases_of(stage, child), facts, keep, remarks=[models_remark(stage)], began=began)
    show(report)
    return 0 if report.all_hold else 1


def show(report: BenchReport) -> None:
    """Print what was measured."""
    from rich.console import Console

    console = Console(width=160)
    for table in report.tables():
        console.print(table)
    for remark in report.remarks:
        console.print(f"- {remark}", markup=False)


def _stage(folder: Path, began: float) -> DeviceStage:
    from operators.inference.backends.cuda import cuda_uuid
    from operators.inference.backends.cuda_energy import NvmlEnergy
    from operators.inference.cuda.runtime import TorchCuda
    from ops.bench.device.carried import items_per_video, measured_models
    from ops.bench.device.stage import DeviceStage, PhaseLengths

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {line}", file=sys.stderr, flush=True)

    models = measured_models(folder)
    return DeviceStage(
        models=models,
        items_per_video=items_per_video(folder, models),
        lengths=PhaseLengths(),
        open_runtime=partial(TorchCuda, 0),
        energy=lambda: NvmlEnergy.open(cuda_uuid(0)),
        say=say,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
