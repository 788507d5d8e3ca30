"""The processes of `bench inference`: they measure in their turn only, and none outlives the benchmark."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest

from ops.bench.inference.benched_model import BRIEF_MODEL, BenchedModel
from ops.bench.inference.competitor_names import BARE, VIDSIGNAL
from ops.bench.inference.driver_process import DriverProcess
from ops.bench.turn_process import CompetitorFailed

pytestmark = pytest.mark.integration

ONE_THREAD = {"VIDSIGNAL_TORCH_THREADS": "1", "OMP_NUM_THREADS": "1"}


def await_stopped(processes: list[psutil.Process]) -> None:
    """A signal arrives when the process next gets a core."""
    deadline = time.monotonic() + 60
    while {process.status() for process in processes} != {psutil.STATUS_STOPPED}:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_measures_in_turns_and_ends(tmp_path: Path) -> None:
    """The batcher and the bare loop run the same model with the same sizes, and are stopped while they wait."""
    model = BenchedModel(BRIEF_MODEL, multiplications=1)
    with DriverProcess(VIDSIGNAL, model, tmp_path / "ours.log", sys.executable, ONE_THREAD) as ours:
        same = BenchedModel(model.model, model.multiplications, ours.sizes)
        with DriverProcess(BARE, same, tmp_path / "bare.log", sys.executable, ONE_THREAD) as bare:
            processes = [psutil.Process(driver.meter.pid) for driver in (ours, bare)]
            saturated = ours.measure("saturate", callers=8, seconds=0.2)
            assert saturated["items"] > 0
            assert saturated["items_run"] == saturated["items"] + saturated["late_items"]
            assert bare.measure("saturate", seconds=0.1)["items"] > 0
            assert len(ours.measure("rate", per_second=50, seconds=0.2, seed=1)["latencies_seconds"]) > 0
            assert len(bare.measure("one", count=3)["latencies_seconds"]) == 3
            await_stopped(processes)
    assert [process.is_running() for process in processes] == [False, False]


def test_says_why_a_competitor_does_not_start(tmp_path: Path) -> None:
    """With the end of its log; nothing of it is left."""
    with pytest.raises(CompetitorFailed, match="no-such-model"):
        DriverProcess(BARE, BenchedModel("no-such-model", 1, (1,)), tmp_path / "log", sys.executable, ONE_THREAD)
