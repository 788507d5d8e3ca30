"""Children: they stop when told, say why they died, and never outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ops.local.child import Child, ChildDied, start_child

_READS_FOR_EVER = "import sys; print('up', flush=True); sys.stdin.read()"
_IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + _READS_FOR_EVER
# A parent in whose place a test can be sure that nothing but the kernel ends the child.
_PARENT = """
import sys
from pathlib import Path
from ops.local.child import start_child
child = start_child("sleeper", ["sleep", "600"], log_path=Path(sys.argv[1]))
print(child.pid, flush=True)
sys.stdin.read()
"""

StartPython = Callable[[str], Child]


@pytest.fixture
def start_python(tmp_path: Path) -> Iterator[StartPython]:
    """Start Python code as a child, and wait for its first output."""
    started: list[Child] = []

    def start(code: str) -> Child:
        child = start_child("snake", [sys.executable, "-c", code], log_path=tmp_path / "snake.log")
        started.append(child)
        child.await_ready(lambda: bool(child.log_tail()), timeout_seconds=30)
        return child

    yield start
    for child in started:
        child.stop(timeout_seconds=0)


class TestStartChild:
    def test_own_process_group(self, start_python: StartPython) -> None:
        """A child leads a process group of its own, so Ctrl-C in a terminal does not reach it."""
        child = start_python(_READS_FOR_EVER)

        assert child.pid == os.getpgid(child.pid)

    def test_outlives_the_thread_that_asked(self, tmp_path: Path) -> None:
        """Only the end of the process ends a child, not the end of the thread that started it."""
        started: list[Child] = []
        log_path = tmp_path / "log"

        def start() -> None:
            started.append(start_child("reader", [sys.executable, "-c", _READS_FOR_EVER], log_path=log_path))

        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
        child = started[0]

        child.await_ready(lambda: bool(child.log_tail()), timeout_seconds=30)
        assert child.exit_code is None
        child.stop(timeout_seconds=10)

    @pytest.mark.skipif(sys.platform != "linux", reason="the tie to the parent is the Linux kernel's")
    @pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
    def test_dies_with_its_parent(self, tmp_path: Path, end: signal.Signals) -> None:
        """However the parent ends, its child is gone."""
        command = [sys.executable, "-c", _PARENT, str(tmp_path / "log")]
        parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))

        parent.send_signal(end)
        parent.communicate()

        child.wait(timeout=30)  # raises if it still runs
        assert not child.is_running()
        assert parent.returncode == -end


class TestChild:
    def test_stop(self, start_python: StartPython) -> None:
        """SIGTERM is enough for a willing child."""
        child = start_python(_READS_FOR_EVER)

        child.stop(timeout_seconds=30)

        assert child.exit_code == -signal.SIGTERM

    def test_stop_of_the_unwilling(self, start_python: StartPython) -> None:
        """SIGKILL follows when SIGTERM is ignored."""
        child = start_python(_IGNORES_SIGTERM)

        child.stop(timeout_seconds=0.1)

        assert child.exit_code == -signal.SIGKILL

    def test_stop_of_the_paused(self, start_python: StartPython) -> None:
        """A paused child is woken to take its SIGTERM."""
        child = start_python(_READS_FOR_EVER)
        child.pause()

        child.stop(timeout_seconds=30)

        assert child.exit_code == -signal.SIGTERM

    def test_stop_twice(self, start_python: StartPython) -> None:
        """Stopping what is stopped is fine."""
        child = start_python(_READS_FOR_EVER)
        child.kill()

        child.stop(timeout_seconds=30)

        assert child.exit_code == -signal.SIGKILL

    def test_early_death_shows_the_log(self, tmp_path: Path) -> None:
        """Who waits for a child that dies is told its exit code and its last words."""
        child = start_child(
            "snake", [sys.executable, "-c", "raise SystemExit('no such egg')"], log_path=tmp_path / "log"
        )

        with pytest.raises(ChildDied, match=r"(?s)snake ended with 1.*no such egg"):
            child.await_ready(lambda: False, timeout_seconds=30)

    def test_never_ready(self, start_python: StartPython) -> None:
        """Waiting ends with what was waited for and the log."""
        child = start_python(_READS_FOR_EVER)

        with pytest.raises(TimeoutError, match=r"(?s)snake was not ready after 0 s.*up"):
            child.await_ready(lambda: False, timeout_seconds=0)

    def test_cpu_seconds(self, start_python: StartPython) -> None:
        """The processor time of a child is its own."""
        child = start_python(_READS_FOR_EVER)

        assert 0 < child.cpu_seconds() < 30

    def test_unknown_program(self, tmp_path: Path) -> None:
        """A program that is not there is an early death that names it."""
        child = start_child("nothing", ["no-such-program"], log_path=tmp_path / "log")

        with pytest.raises(ChildDied, match="FileNotFoundError"):
            child.await_ready(lambda: False, timeout_seconds=30)
