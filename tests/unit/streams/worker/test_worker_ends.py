"""How a worker ends: each end has a code of its own, and says in its log what it was."""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from operators.errors import DeviceFault, DeviceFull
from streams.config.settings import read_settings
from streams.consumer.version_checks import WrongVersion
from streams.decision.policy_file import load_policy
from streams.lifecycle.fatal_error import WorkerExit
from streams.lifecycle.parent import Family
from streams.monitoring.once_free import once_free
from streams.worker import note_death, supervised_tasks, worker

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


class TestMisconfiguration:
    def test_threads_that_hang_are_left(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A thread that still waits for a broker holds up this end no more than any other."""
        left: list[int] = []

        def refuse() -> None:
            raise WrongVersion("faust is too old")

        monkeypatch.setattr(worker, "check_versions", refuse)
        monkeypatch.setattr(worker, "leave", lambda code: left.append(code) or code)
        ended = worker._run_worker(read_settings(), worker.counted_options, Family(os.getpid()))
        assert (ended, left) == (WorkerExit.MISCONFIGURED, [WorkerExit.MISCONFIGURED])
        assert capsys.readouterr().err == "vidsignal: faust is too old\n"

    @pytest.mark.parametrize("name", ["metrics", "health"])
    async def test_taken_port(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is found before anything is opened, said with what to do, and logged with the code that follows."""

        async def open_nothing(*_: object, **__: object) -> None:
            raise AssertionError("broker or store were asked first")

        monkeypatch.setattr(worker, "open_shared", open_nothing)
        monkeypatch.setattr(worker, "limit_stop", lambda *_, **__: None)  # it would end this process
        monkeypatch.setattr(once_free, "__defaults__", (0.0,))
        with socket.create_server(("127.0.0.1", 0)) as other, capture_logs() as log:
            settings = read_settings(**{f"{name}_port": other.getsockname()[1]})
            with pytest.raises(worker.MISCONFIGURATIONS) as refused:
                await worker.Worker(settings, load_policy(None), None).run()
        assert f"set VIDSIGNAL_{name.upper()}_PORT to a free port, or to 0 for any; `ss -ltnp`" in str(refused.value)
        assert [line["exit_code"] for line in log if line["event"] == "shutting down"] == [WorkerExit.MISCONFIGURED]


class TestDeathThatIsNoted:
    def test_by_the_command_of_the_former_release(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After an upgrade in place the parent process of a running worker still calls it by its old name."""
        noted: list[tuple[list[str], str]] = []
        monkeypatch.setattr(note_death, "note_death", lambda _, __, alone, ended_by: noted.append((alone, ended_by)))
        monkeypatch.setattr(note_death, "configure_logs", lambda *_: None)
        monkeypatch.setattr(sys, "argv", ["note_death.py", '["an event"]', "SIGSEGV"])
        runpy.run_module("streams.note_death", run_name="__main__")
        assert noted == [(["an event"], "SIGSEGV")]


class TestCrash:
    async def test_readiness_ends_with_the_first_report(self) -> None:
        """Before anything else happens the worker says that it takes no more."""
        subject = worker.Worker(read_settings(), load_policy(None), None)
        subject._fatal_error.report(RuntimeError("bug"), WorkerExit.DEVICE_LOST)
        assert subject._health.state.ready().details["missing"] == ["the worker is stopping"]

    def test_a_device_that_cannot_be_opened_has_its_code(self) -> None:
        """So a supervisor sees that the accelerator is at fault, and not the program."""
        assert supervised_tasks.exit_for(DeviceFault("no CUDA device 0")) is WorkerExit.DEVICE_LOST
        assert supervised_tasks.exit_for(DeviceFull("out of memory")) is WorkerExit.CRASHED
        assert supervised_tasks.exit_for(RuntimeError("bug")) is WorkerExit.CRASHED
