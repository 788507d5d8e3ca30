"""A process that cannot outlive the one that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import psutil

from ops.local import parent_death_watch

_TAIL_BYTES = 4096
_POLL_SECONDS = 0.05


class ChildDied(RuntimeError):
    """A child ended unexpectedly; the message ends with the last lines of its log."""


class Child:
    """One running process in its own process group, so that a terminal's Ctrl-C reaches only the parent.

    Its standard input is a pipe that stays open while the parent lives; its output goes to `log_path`.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._process = process

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number where a signal ended it."""
        return self._process.poll()

    def require_alive(self) -> None:
        """Raise `ChildDied` unless the process runs."""
        if self.exit_code is not None:
            raise ChildDied(f"{self.name} ended with {self.exit_code}; the end of {self.log_path}:\n{self.log_tail()}")

    def await_ready(self, is_ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Poll `is_ready` until it returns True.

        Raises:
            ChildDied: the process ended first.
            TimeoutError: it did not get ready in time.
        """
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            self.require_alive()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} was not ready after {timeout_seconds} s; its log:\n{self.log_tail()}")
            time.sleep(_POLL_SECONDS)

    def stop(self, timeout_seconds: float) -> None:
        """Send SIGTERM, and SIGKILL if the process does not end in time; also valid for a stopped or dead child."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.send_signal(signal.SIGCONT)  # a paused process would not receive its SIGTERM
            try:
                self._process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reap()

    def kill(self) -> None:
        """Send SIGKILL, as a fault would: the process cannot clean up."""
        self._process.kill()
        self._reap()

    def pause(self) -> None:
        """Send SIGSTOP: the process exists and answers nothing, like a machine that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT, undoes `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """Return user and system time in seconds; only while the process runs."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def log_tail(self) -> str:
        """The last few lines it wrote."""
        with self.log_path.open("rb") as log:
            log.seek(max(0, self.log_path.stat().st_size - _TAIL_BYTES))
            return log.read().decode(errors="replace").strip()

    def _reap(self) -> None:
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def start_child(
    name: str,
    command: Sequence[str],
    *,
    log_path: Path,
    environment: Mapping[str, str] | None = None,
    working_dir: Path | None = None,
) -> Child:
    """Start `command`; it is killed when this process ends, even by SIGKILL (Linux).

    Args:
        name: its name in messages.
        command: program and arguments.
        log_path: receives standard output and error, appended.
        environment: variables in addition to this process's own.
        working_dir: this process's own if None.

    Returns:
        The running child; the caller stops it.
    """
    arguments = [sys.executable, "-I", "-S", parent_death_watch.__file__, str(os.getpid()), *command]

    def spawn() -> subprocess.Popen[bytes]:
        with log_path.open("ab") as log:
            return subprocess.Popen(  # the child is owned by the returned object
                arguments,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=working_dir,
                process_group=0,
            )

    return Child(name, _launcher(os.getpid()).submit(spawn).result(), log_path)


@cache
def _launcher(process_id: int) -> ThreadPoolExecutor:  # noqa: ARG001  a forked process needs a thread of its own
    """Return the one thread that starts all children: for the kernel, a child's parent is gone when its thread ends."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="vidsignal-launcher")
