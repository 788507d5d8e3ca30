"""The parent process of a worker tells an end that the worker brought upon itself from one that came from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from streams.lifecycle import outlive
from streams.lifecycle.exclusive_board import ExclusiveBoard
from streams.lifecycle.fatal_error import WorkerExit

WAIT_SECONDS = 120.0
"""A machine under load is slow; who waits for what happens pays nothing for it."""


@contextmanager
def started(act: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process under a parent; both are gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.streams.parented", act, str(folder)],
        cwd=Path(__file__).parents[4],
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(WAIT_SECONDS)


def wait_until(is_true: Callable[[], bool]) -> None:
    """Ask again and again for a bounded time."""
    give_up = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def worker_of(folder: Path) -> int:
    """The worker's process id, once it works."""
    wait_until((folder / "worker").exists)
    return int((folder / "worker").read_text())


def is_gone(process_id: int) -> bool:
    """Whether the process runs no more; anyone who inherited it may not have reaped it."""
    return not psutil.pid_exists(process_id) or psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE


def state_of(process_id: int) -> str:
    """In words of psutil."""
    return str(psutil.Process(process_id).status())


class TestEndsOfItsOwn:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
    def test_a_signal_that_hits_the_worker_alone(self, number: signal.Signals, tmp_path: Path) -> None:
        """The parent is told what ran alone, and then ends by the same signal, as supervisors know it."""
        with started(number.name, tmp_path) as process:
            assert process.wait(WAIT_SECONDS) == -number
        assert (tmp_path / "died").read_text() == f'["the event"] {number.name}'

    @pytest.mark.parametrize("code", [WorkerExit.CRASHED, WorkerExit.STALLED, WorkerExit.DEVICE_LOST, 1])
    def test_an_exit_for_want_of_an_answer(self, code: int, tmp_path: Path) -> None:
        """The exit code is passed on, and counts as a death."""
        with started(f"exit {code:d}", tmp_path) as process:
            assert process.wait(WAIT_SECONDS) == code
        assert (tmp_path / "died").read_text() == f'["the event"] exit code {code:d}'

    @pytest.mark.parametrize(
        "code", [WorkerExit.STOPPED, WorkerExit.MISCONFIGURED, WorkerExit.STOP_OVERRAN, WorkerExit.NEEDS_REBUILD]
    )
    def test_an_end_that_no_event_brings_about(self, code: int, tmp_path: Path) -> None:
        """A stop, a wrong setting, a stop that took too long and an emptied store are nobody's death."""
        with started(f"exit {code:d}", tmp_path) as process:
            assert process.wait(WAIT_SECONDS) == code
        assert not (tmp_path / "died").exists()


class TestDeathThatCannotBeNoted:
    def test_it_is_told(self, capfd: pytest.CaptureFixture[str]) -> None:
        """A command that fails has noted nothing, and the log of the worker reports it."""
        board = ExclusiveBoard()
        board.add("the event")
        outlive._tell(board, [sys.executable, "-I", "-S", "-c", "raise SystemExit(3)"], "SIGSEGV")
        board.close()
        assert "the worker's death could not be noted" in capfd.readouterr().err


class TestEndsFromOutside:
    def test_a_kill_of_the_process_that_was_started(self, tmp_path: Path) -> None:
        """SIGKILL to it ends the worker too, and nobody is told of a death."""
        with started("run", tmp_path) as process:
            worker = worker_of(tmp_path)
            process.kill()
            process.wait(WAIT_SECONDS)
            wait_until(lambda: is_gone(worker))
        assert not (tmp_path / "died").exists()

    def test_a_kill_of_all_processes_one_by_one(self, tmp_path: Path) -> None:
        """A supervisor that kills the worker first and its parent next condemns nothing."""
        with started("run", tmp_path) as process:
            os.kill(worker_of(tmp_path), signal.SIGKILL)
            process.kill()
            process.wait(WAIT_SECONDS)
        assert not (tmp_path / "died").exists()

    def test_a_stop_is_passed_on(self, tmp_path: Path) -> None:
        """SIGTERM to the parent lets the worker end in order."""
        with started("stop in order", tmp_path) as process:
            worker_of(tmp_path)
            process.terminate()
            assert process.wait(WAIT_SECONDS) == 0
        assert not (tmp_path / "died").exists()

    def test_a_stop_before_the_worker_listens(self, tmp_path: Path) -> None:
        """A worker that SIGTERM ends is no death, and its parent ends likewise."""
        with started("run", tmp_path) as process:
            worker_of(tmp_path)
            process.terminate()
            assert process.wait(WAIT_SECONDS) == -signal.SIGTERM
        assert not (tmp_path / "died").exists()

    def test_a_paused_parent_pauses_the_worker(self, tmp_path: Path) -> None:
        """SIGSTOP and SIGCONT reach both; the worker does nothing in between."""
        with started("run", tmp_path) as process:
            worker = worker_of(tmp_path)
            wait_until((tmp_path / "beats").exists)
            for _ in range(3):
                process.send_signal(signal.SIGSTOP)
                wait_until(lambda: state_of(worker) == psutil.STATUS_STOPPED)
                process.send_signal(signal.SIGCONT)
                wait_until(lambda: state_of(worker) != psutil.STATUS_STOPPED)
            os.kill(worker, signal.SIGSTOP)
            wait_until(lambda: state_of(worker) == psutil.STATUS_STOPPED)
            process.kill()
            wait_until(lambda: is_gone(worker))


class TestParentThatIsDeadAlready:
    def test_the_child_ends_before_it_works(self) -> None:
        """A parent that dies before its child can be tied to it leaves no child behind."""
        nobody = 2**22 + 1  # above every process id of Linux
        program = f"from streams.lifecycle.parent import end_with_parent; end_with_parent({nobody}); print('works')"
        ended = subprocess.run(
            [sys.executable, "-c", program], cwd=Path(__file__).parents[4], capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stdout) == (WorkerExit.CRASHED, "")


class TestCost:
    def test_the_parent_takes_ten_megabytes(self, tmp_path: Path) -> None:
        """It has shed what the worker loads."""
        with started("run", tmp_path) as process:
            worker_of(tmp_path)
            wait_until(lambda: "outlive.py" in " ".join(psutil.Process(process.pid).cmdline()))
            wait_until(lambda: psutil.Process(process.pid).memory_info().rss > 2**20)
            assert psutil.Process(process.pid).memory_info().rss < 20 * 2**20


class TestAloneBoard:
    def test_a_process_that_died_while_writing_leaves_nothing(self) -> None:
        """What is read is what was written last, or nothing."""
        board = ExclusiveBoard()
        assert board.read() == []
        board.add("one")
        board.add("two")
        assert board.read() == ["one", "two"]
        board.remove("one")
        board.remove("unknown")
        assert board.read() == ["two"]
        board.follows = True
        assert ExclusiveBoard(board.fd).read() == ["two"]  # as the other process sees it
        board.add("x" * 100_000)
        assert (board.read(), board.follows) == ([], True)
        board.close()
