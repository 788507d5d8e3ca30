"""How a worker ends: each end has a code of its own, and says in its log what it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from operators.errors import DeviceFault, DeviceFull
from streams.config.settings import read_settings
from streams.decision.policy_file import load_policy
from streams.lifecycle.fatal_error import WorkerExit
from streams.worker import worker

WAIT_SECONDS = 120.0


class TestStopThatOverruns:
    def test_ends_with_a_code_and_a_line_of_its_own(self) -> None:
        """A worker that SIGTERM does not end in time is no crash; it names the role and the event that hung."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.streams.hanging_worker"],
            cwd=Path(__file__).parents[4],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None and process.stdout.readline() == "serving\n"
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == WorkerExit.STOP_OVERRAN
        [line] = [json.loads(line) for line in log.splitlines() if "shutdown timeout" in line]
        assert (line["exit_code"], line["roles"]) == (WorkerExit.STOP_OVERRAN, ["media"])
        assert line["events"] == ["slow-video (media: frames working)"]
        assert "Thread 0x" in log  # the stacks


class TestCrash:
    async def test_readiness_ends_with_the_first_report(self) -> None:
        """Before anything else happens the worker says that it takes no more."""
        subject = worker.Worker(read_settings(), load_policy(None), None)
        subject._crash.report(RuntimeError("bug"), WorkerExit.DEVICE_LOST)
        assert subject._health.state.ready().details["missing"] == ["the worker is stopping"]

    def test_a_device_that_cannot_be_opened_has_its_code(self) -> None:
        """So a supervisor sees that the accelerator is at fault, and not the program."""
        assert worker._exit_for(DeviceFault("no CUDA device 0")) is WorkerExit.DEVICE_LOST
        assert worker._exit_for(DeviceFull("out of memory")) is WorkerExit.CRASHED
        assert worker._exit_for(RuntimeError("bug")) is WorkerExit.CRASHED
